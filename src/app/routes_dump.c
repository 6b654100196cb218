/* The routes command: every row of the route tables as JSON, for the permission matrix and the
 * pages that are made from the tables. It needs no server and no data directory. */
#include "app/app.h"
#include "app/commands.h"

#include "cli/cli.h"
#include "gate/roles.h"
#include "services/meta/meta.h"

#define TEXT_MAX MIB

/* In the order of the bits. */
static const char *const accept_names[] = {"nobody",     "key",        "entra", "user",     "admin",
                                           "handler",    "keyNoQuery", "arm",   "endpoint", "path",
                                           "skypetoken", "frame",      "query"};
static const char *const need_names[NEED_COUNT] = {
    "unset", "nothing",  "any",           "identity",
    "sms",   "resource", "administrator", "localDevelopment",
    "local", "chat",     "chatJoin",      "chatFull",
    "arm"};
static const char *const media_names[] = {"json", "form", "any"};
static const char *const plane_names[] = {"unset", "wire", "administration", "identity"};
static const char *const kind_names[] = {"unset", "reply", "stream", "poll", "upgrade"};

static void write_accept(struct json_writer *w, unsigned accept)
{
    json_name(w, "accept");
    json_array_begin(w);
    for (size_t i = 0; i < ARRAY_LEN(accept_names); i++) {
        if (accept & 1u << i)
            json_str(w, str_from(accept_names[i]));
    }
    json_array_end(w);
}

static void write_versions(struct json_writer *w, const struct api *api)
{
    json_name(w, "versions");
    json_array_begin(w);
    for (uint8_t v = api->from; v > 0 && v <= api->to; v++)
        json_str(w, api->service->versions[v - 1]);
    json_array_end(w);
}

static void write_row(struct json_writer *w, const struct route *row, const char *mode)
{
    json_object_begin(w);
    json_member_str(w, "method", method_name(row->method));
    json_member_str(w, "path", str_from(row->path));
    json_member_str(w, "mode", str_from(mode));
    json_member_str(w, "plane", str_from(plane_names[row->plane]));
    json_member_str(w, "kind", str_from(kind_names[row->kind]));
    write_accept(w, row->accept);
    json_member_str(w, "need", str_from(need_names[row->need]));
    json_member_str(w, "action", action_name(row->action));
    json_member_str(w, "service", row->api->service->name);
    json_member_bool(w, "anyCase", row->api->service->any_case);
    json_member_str(w, "media", str_from(media_names[row->media]));
    write_versions(w, row->api);
    json_object_end(w);
}

static void write_rows(struct json_writer *w, const struct route *rows, const char *mode)
{
    for (; rows->path; rows++)
        write_row(w, rows, mode);
}

int app_routes(int argc, char **argv)
{
    struct json_writer w;
    struct buf out;

    /* --json is the only form there is */
    if (argc > 1 || (argc == 1 && !str_eq(str_from(argv[0]), STR("--json")))) {
        (void)fputs("callgate: routes takes no argument but --json\n", stderr);
        return EXIT_USAGE;
    }
    buf_init(&out, TEXT_MAX);
    json_writer_init(&w, &out);
    json_array_begin(&w);
    for (size_t i = 0; i < app_tables_count; i++)
        write_rows(&w, app_tables[i], "any");
    write_rows(&w, metrics_public_routes, "dev");
    write_rows(&w, metrics_admin_routes, "production");
    json_array_end(&w);
    buf_add_char(&out, '\n');
    (void)fwrite(out.ptr, 1, out.len, stdout); /* cli_written looks */
    buf_clear(&out);
    return out.failed ? EXIT_REFUSED : EXIT_DONE;
}
