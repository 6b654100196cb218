/* A user and a first token, from a connection string in the environment:
 *
 *   eval "$(callgate env)"
 *   cc first_token.c -lcallgate -o first_token && ./first_token */
#include <callgate/callgate.h>

#include <stdio.h>
#include <stdlib.h>

int main(void)
{
    struct cg_client_options options = {0};
    struct cg_client *client = NULL;
    struct cg_user user = {0};
    struct cg_token token = {0};
    struct cg_error err = {0};
    enum cg_status status;

    options.connection_string = getenv("COMMUNICATION_SERVICES_CONNECTION_STRING");
    options.ca_file = getenv("CALLGATE_CA_FILE");
    status = cg_client_new(&options, &client, &err);
    if (status == CG_OK)
        status = cg_identity_create_user_and_token(client, NULL, &user, &token, &err);
    if (status == CG_OK)
        printf("user    %s\nexpires %s\ntoken   %s\n", user.id, token.expires_on, token.text);
    else
        fprintf(stderr, "%s: %s %s\n", cg_status_text(status), err.message, err.explain);
    cg_token_clear(&token);
    cg_user_clear(&user);
    cg_client_free(client);
    return status == CG_OK ? 0 : 1;
}
