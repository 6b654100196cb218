/* Puts into the store of a stopped server what the bench needs there and what would take long by
 * requests, and mints tokens with the server's own keys.
 *
 * Usage: seed DIR app NAME               an application with a role at the root; prints its ids and
 *                                        its secret, as JSON
 *        seed DIR roles NAME SHAPE N     N role assignments: `spread` over other applications, or
 *                                        `one`: all for this one
 *        seed DIR tokens NAME ORIGIN N   N service tokens, one per line
 *        seed DIR messages RESOURCE N SHOWN   N delivered text messages; prints times (ms) and ids
 *                                        of about SHOWN of them, one per line
 *        seed DIR repeats RESOURCE N     N ids of requests that may come again
 *        seed DIR chat RESOURCE USER THREADS N   N messages of the user in as many threads; prints
 *                                        key and secret of each, one thread per line */
#include "fill.h"

#include "base/clock.h"
#include "crypto/secret.h"
#include "gate/applications.h"
#include "gate/gate.h"

#include <stdio.h>

#define APP_ROLE      STR("Callgate Data Contributor")
#define TOKEN_SECONDS 3599
#define AUDIENCE      STR("https://communication.azure.com/")

struct seed {
    struct store *store;
    struct store_reader *reader;
    struct master_key *master;
    struct arena arena;
};

static void must(bool ok, const char *what)
{
    if (ok)
        return;
    (void)fprintf(stderr, "seed: %s failed\n", what);
    exit(1);
}

static void open_all(struct seed *s, const char *dir)
{
    uint8_t octets[MASTER_KEY_LEN];
    struct store_options options;
    struct secret secret;
    struct buf why;
    FILE *file;

    arena_init(&s->arena);
    buf_init(&why, KIB);
    file = fopen(arena_printf(&s->arena, "%s/master.key", dir).ptr, "rb");
    must(file && fread(octets, 1, sizeof octets, file) == sizeof octets, "reading the master key");
    (void)fclose(file);
    secret = secret_copy(octets, sizeof octets);
    s->master = master_key_new(&secret);
    secret_clear(&secret);
    options = (struct store_options){.path = arena_printf(&s->arena, "%s/callgate.db", dir)};
    must(store_open(&options, &s->store, &why) == RC_OK, "opening the store");
    s->reader = store_reader_new(s->store);
    must(s->reader != NULL, "reading the store");
}

static struct application_row application(struct seed *s, const char *name)
{
    struct application_row row;

    must(store_application(s->reader, APPLICATION_BY_NAME, str_from(name), &s->arena, &row) ==
             RC_OK,
         "finding the application");
    return row;
}

static void print_id(const char *name, const struct uuid *id)
{
    char text[UUID_TEXT_LEN];

    uuid_format(id, text);
    printf("\"%s\":\"%.*s\",", name, (int)sizeof text, text);
}

static void seed_app(struct seed *s, char **words)
{
    struct app_secret record;
    struct str secret =
        app_secret_make(s->master, clock_wall(), 0, STR("bench"), &s->arena, &record);
    struct app_document document = {.secrets = &record, .secrets_count = 1};
    struct application_row row;

    must(fill_application(s->store, str_from(words[0]), app_document_write(&document, &s->arena),
                          &row) == RC_OK,
         "adding the application");
    must(fill_root_role(s->store, &row.object_id, APP_ROLE) == RC_OK, "giving it a role");
    printf("{");
    print_id("clientId", &row.client_id);
    print_id("objectId", &row.object_id);
    printf("\"secret\":\"" STR_FMT "\"}\n", STR_ARG(secret));
}

static void seed_roles(struct seed *s, char **words)
{
    struct application_row row = application(s, words[0]);
    enum fill_shape shape = strcmp(words[1], "one") == 0 ? FILL_ONE : FILL_SPREAD;

    must(fill_roles(s->store, shape, &row.object_id, strtoul(words[2], NULL, 10)) == RC_OK,
         "adding role assignments");
}

static void print_tokens(struct gate *gate, struct seed *s, const struct service_mint *m, size_t n)
{
    struct gate_loop *gl = gate_loop_new(gate, s->store, s->reader);
    struct service_minted minted;
    struct buf out;

    buf_init(&out, 8 * KIB);
    for (size_t i = 0; i < n; i++) {
        buf_reset(&out);
        must(gate_mint_service(gl, m, &out, &minted) == RC_OK, "gate_mint_service");
        printf(STR_FMT "\n", STR_ARG(buf_str(&out)));
    }
    buf_clear(&out);
    gate_loop_free(gl);
}

static void seed_tokens(struct seed *s, char **words)
{
    struct application_row row = application(s, words[0]);
    struct directory_source source = {.master = s->master, .domain = STR("localhost")};
    struct gate_options options = {.development = true, .revocations_max = 1000};
    struct clock clock = {0};
    struct gate *gate = gate_new(&options, &source, s->store, &clock);
    struct service_mint m = {.application = &row,
                             .audience = AUDIENCE,
                             .origin = str_from(words[1]),
                             .by_secret = true,
                             .now = clock_wall(),
                             .seconds = TOKEN_SECONDS};
    struct buf why;

    buf_init(&why, KIB);
    must(gate_load(gate, &why) == RC_OK, "gate_load");
    print_tokens(gate, s, &m, strtoul(words[2], NULL, 10));
    gate_detach(gate);
    gate_free(gate);
}

static struct uuid uuid_of(const char *text)
{
    struct uuid id;

    must(uuid_parse(str_from(text), &id) == RC_OK, "reading an id");
    return id;
}

static void show_message(void *ctx, const struct sms_row *row)
{
    char text[UUID_TEXT_LEN];

    (void)ctx;
    uuid_format(&row->id, text);
    printf("%lld %.*s\n", (long long)row->created, (int)sizeof text, text);
}

static void seed_messages(struct seed *s, char **words)
{
    size_t n = strtoul(words[1], NULL, 10), shown = strtoul(words[2], NULL, 10);
    struct fill_sms fill = {.resource = uuid_of(words[0]),
                            .n = n,
                            .each = shown && shown < n ? n / shown : 1,
                            .told = show_message};

    must(fill_messages(s->store, &fill) == RC_OK, "adding messages");
}

static void seed_repeats(struct seed *s, char **words)
{
    const struct uuid resource = uuid_of(words[0]);

    must(fill_repeats(s->store, &resource, strtoul(words[1], NULL, 10)) == RC_OK,
         "adding ids of requests");
}

static void show_thread(void *ctx, const struct chat_thread_row *row)
{
    char key[UUID_TEXT_LEN], secret[UUID_TEXT_LEN];

    (void)ctx;
    uuid_format(&row->key, key);
    uuid_format(&row->secret, secret);
    printf("%.*s %.*s\n", (int)sizeof key, key, (int)sizeof secret, secret);
}

static void seed_chat(struct seed *s, char **words)
{
    struct fill_chat fill = {.resource = uuid_of(words[0]),
                             .user = uuid_of(words[1]),
                             .threads = strtoul(words[2], NULL, 10),
                             .n = strtoul(words[3], NULL, 10),
                             .told = show_thread};

    must(fill.threads > 0, "reading the number of threads");
    must(fill_chat(s->store, &fill) == RC_OK, "adding chat");
}

static const struct task {
    const char *name;
    int words;
    void (*run)(struct seed *s, char **words);
} tasks[] = {
    {"app", 1, seed_app},           {"roles", 3, seed_roles},     {"tokens", 3, seed_tokens},
    {"messages", 3, seed_messages}, {"repeats", 2, seed_repeats}, {"chat", 4, seed_chat},
};

int main(int argc, char **argv)
{
    struct seed s = {0};

    for (size_t i = 0; i < ARRAY_LEN(tasks); i++) {
        if (argc != tasks[i].words + 3 || strcmp(argv[2], tasks[i].name) != 0)
            continue;
        open_all(&s, argv[1]);
        tasks[i].run(&s, argv + 3);
        store_reader_free(s.reader);
        store_close(s.store);
        master_key_free(s.master);
        arena_clear(&s.arena);
        return 0;
    }
    (void)fprintf(stderr, "usage: seed DIR app NAME | roles NAME SHAPE N | tokens NAME ORIGIN N |"
                          " messages RESOURCE N SHOWN | repeats RESOURCE N |"
                          " chat RESOURCE USER THREADS N\n");
    return 2;
}
