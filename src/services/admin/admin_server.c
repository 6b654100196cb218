/* The server as a whole: its settings and how it stands. What only the application knows comes
 * through hooks. */
#include "services/admin/admin.h"
#include "services/answer.h"
#include "services/site.h"

#define TEXT_MAX (256 * KIB)

void admin_settings(struct request *req)
{
    const struct site_hooks *hooks = req->site->hooks;
    struct json_writer w;
    struct buf out;

    buf_init(&out, TEXT_MAX);
    json_writer_init(&w, &out);
    hooks->write_settings(hooks->ctx, &w);
    answer_json_moved(req, 200, &out);
}

void admin_status(struct request *req)
{
    const struct site *site = req->site;
    const struct site_hooks *hooks = site->hooks;
    struct json_writer w;
    struct str why;
    struct buf out;

    buf_init(&out, TEXT_MAX);
    json_writer_init(&w, &out);
    json_object_begin(&w);
    hooks->write_status(hooks->ctx, &w);
    tenant_write_members(req, &w);
    json_member_int(&w, "issuersLeftOut",
                    (int64_t)gate_issuers_left_out(gate_of(site->gate), req->arena, &why));
    json_member_int(&w, "usersCreated", (int64_t)atomic_load(&site->shared->users_created));
    json_member_int(&w, "tokensIssued", (int64_t)atomic_load(&site->shared->tokens_issued));
    json_object_end(&w);
    answer_json_moved(req, 200, &out);
}
