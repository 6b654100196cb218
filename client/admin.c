/* Administration calls, generic: rows and members are the caller's. */
#include "client/admin.h"

#include "client/exchange.h"
#include "client/failure.h"

/* NOLINTNEXTLINE(readability-function-size): as the public calls: request, answer, error */
enum cg_status cg_admin_call(struct cg_client *client, const char *method, const char *path,
                             const char *body, struct cg_admin_reply *out, struct cg_error *err)
{
    struct buf reply;
    struct exchange x = {.method = method, .target = path, .body = str_from(body), .reply = &reply};
    enum cg_status status = CG_OK;

    buf_init(&reply, REPLY_MAX + 1); /* and the NUL */
    status = exchange_run(client, &x, err);
    if (status == CG_OK && !buf_cstr(&reply))
        status = failure(err, CG_NOMEM, STR("out of memory"));
    if (status == CG_OK) {
        *out = (struct cg_admin_reply){x.http_status, reply.ptr, reply.len}; /* moved */
        return CG_OK;
    }
    buf_wipe(&reply);
    return status;
}

/* NOLINTNEXTLINE(readability-function-size): as the public calls: request, answer, error */
enum cg_status cg_admin_download(struct cg_client *client, const char *method, const char *path,
                                 FILE *to, uint64_t *out_octets, struct cg_error *err)
{
    struct buf reply;
    struct exchange x = {.method = method, .target = path, .stream_to = to, .reply = &reply};
    enum cg_status status = CG_OK;

    buf_init(&reply, REPLY_MAX);
    status = exchange_run(client, &x, err);
    if (status == CG_OK)
        *out_octets = x.streamed;
    buf_wipe(&reply);
    return status;
}

void cg_admin_reply_clear(struct cg_admin_reply *reply)
{
    if (!reply)
        return;
    if (reply->text)
        explicit_bzero(reply->text, reply->len);
    free(reply->text);
    *reply = (struct cg_admin_reply){0};
}
