/* Two users talk: what Anna writes, Ben reads. By a connection string in the environment:
 *
 *   eval "$(callgate env)"
 *   cc first_chat.c -lcallgate -o first_chat && ./first_chat
 *
 * The connection string makes users and tokens. A program of an end user has neither: it is given
 * a token, and asks whoever gave it for another one when that is over. */
#include <callgate/callgate.h>

#include <stdio.h>
#include <stdlib.h>

struct person {
    struct cg_user user;
    struct cg_token token;
    struct cg_client *client; /* by his token */
};

static enum cg_status person_new(struct cg_client *owner, struct person *out, struct cg_error *err)
{
    static const char *const scopes[] = {"chat"};
    struct cg_token_options options = {0};
    struct cg_client_options place = {0};
    enum cg_status status;

    options.scopes = scopes;
    options.scope_count = 1;
    status = cg_identity_create_user_and_token(owner, &options, &out->user, &out->token, err);
    if (status != CG_OK)
        return status;
    place.endpoint = cg_client_endpoint(owner);
    place.bearer_token = out->token.text;
    place.ca_file = getenv("CALLGATE_CA_FILE");
    return cg_client_new(&place, &out->client, err);
}

static void person_clear(struct person *p)
{
    cg_client_free(p->client);
    cg_token_clear(&p->token);
    cg_user_clear(&p->user);
}

/* Anna makes a thread with Ben and writes to it. */
static enum cg_status write_to(const struct person *anna, const struct person *ben,
                               struct cg_chat_thread *out, struct cg_error *err)
{
    struct cg_chat_person guest = {0};
    struct cg_chat_thread_new thread = {0};
    struct cg_chat_message_new message = {0};
    enum cg_status status;

    guest.user_id = ben->user.id;
    guest.display_name = "Ben";
    thread.topic = "Lunch";
    thread.people.items = &guest;
    thread.people.count = 1;
    message.text = "Hello Ben, are you hungry?";
    message.display_name = "Anna";
    status = cg_chat_create_thread(anna->client, &thread, out, NULL, err);
    if (status == CG_OK)
        status = cg_chat_send_message(anna->client, out->id, &message, NULL, err);
    return status;
}

/* Ben reads what there is, the newest first. */
static enum cg_status read_from(const struct person *ben, const char *thread, struct cg_error *err)
{
    struct cg_chat_messages page = {0};
    enum cg_status status = cg_chat_list_messages(ben->client, thread, NULL, &page, err);
    size_t i;

    for (i = 0; i < page.count; i++)
        if (page.items[i].text)
            (void)printf("%s: %s\n", page.items[i].sender_name, page.items[i].text);
    cg_chat_messages_clear(&page);
    return status;
}

int main(void)
{
    struct cg_client_options options = {0};
    struct cg_client *owner = NULL;
    struct person anna = {0}, ben = {0};
    struct cg_chat_thread thread = {0};
    struct cg_error err = {0};
    enum cg_status status;

    options.connection_string = getenv("COMMUNICATION_SERVICES_CONNECTION_STRING");
    options.ca_file = getenv("CALLGATE_CA_FILE");
    status = cg_client_new(&options, &owner, &err);
    if (status == CG_OK)
        status = person_new(owner, &anna, &err);
    if (status == CG_OK)
        status = person_new(owner, &ben, &err);
    if (status == CG_OK)
        status = write_to(&anna, &ben, &thread, &err);
    if (status == CG_OK)
        status = read_from(&ben, thread.id, &err);
    if (status != CG_OK)
        (void)fprintf(stderr, "%s: %s %s\n", cg_status_text(status), err.message, err.explain);
    cg_chat_thread_clear(&thread);
    person_clear(&ben);
    person_clear(&anna);
    cg_client_free(owner);
    return status == CG_OK ? 0 : 1;
}
