/* key: access keys of a resource, and the signing keys of tokens. */
#include "cli/call.h"
#include "cli/show.h"

static enum exit_code show_keys(struct cli *cli, json_t *keys)
{
    static const struct column columns[] = {{"KEY", "slot"},
                                            {"LAST USED", "lastUsedOn"},
                                            {"REGENERATED", "regeneratedOn"},
                                            {"VALUE", "key"}};
    static const char *const slots[] = {"primary", "secondary"};
    json_t *items = NULL;
    enum exit_code code = EXIT_DONE;

    if (cli->json)
        return show_json(cli, keys);
    items = json_array();
    for (size_t i = 0; i < ARRAY_LEN(slots); i++) {
        json_t *key = json_object_get(keys, slots[i]);

        if (json_object_set_new(key, "slot", json_string(slots[i])) ||
            json_array_append(items, key))
            code = cli_fail(cli, EXIT_REFUSED, "the server's answer lacks the %s key", slots[i]);
    }
    if (code == EXIT_DONE)
        code = show_list(cli, items, columns, args_has(&cli->args, "reveal") ? 4 : 3);
    json_decref(items);
    return code;
}

int key_list_run(struct cli *cli)
{
    struct path path;
    json_t *keys = NULL;
    enum exit_code code = EXIT_DONE;

    path_init(&path, cli, "/admin/keys");
    path_query(&path, "reveal", args_has(&cli->args, "reveal") ? "true" : NULL);
    code = call_once(cli, "GET", path_done(&path, cli), STR_EMPTY, &keys);
    if (code == EXIT_DONE)
        code = show_keys(cli, keys);
    json_decref(keys);
    return (int)code;
}

int key_regenerate_run(struct cli *cli)
{
    struct str slot = str_from(cli->args.words[0]);
    struct path path;
    json_t *answer = NULL;
    enum exit_code code = EXIT_DONE;

    if (!name_eq(slot, STR("primary")) && !name_eq(slot, STR("secondary")))
        return (int)cli_fail(cli, EXIT_USAGE, "which key: primary or secondary");
    path_init_segment(&path, cli, "/admin/keys/", slot.ptr, ":regenerate");
    code = call_once(cli, "POST", path_done(&path, cli),
                     args_has(&cli->args, "keep-tokens") ? STR("{\"keepTokens\":true}") : STR("{}"),
                     &answer);
    if (code == EXIT_DONE)
        code = show_object(cli, answer);
    json_decref(answer);
    return (int)code;
}

int key_rotate_run(struct cli *cli)
{
    const char *purpose = args_value(&cli->args, "purpose");
    bool issuer = purpose && name_eq(str_from(purpose), STR("issuer"));
    struct path path;

    if (purpose && !issuer && !name_eq(str_from(purpose), STR("user")))
        return (int)cli_fail(cli, EXIT_USAGE, "--purpose is user or issuer");
    path_init(&path, cli, "/admin/signing-keys:rotate");
    return (int)call_show(cli, "POST", path_done(&path, cli),
                          issuer ? STR("{\"purpose\":\"issuer\"}") : STR("{}"));
}
