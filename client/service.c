/* Calls of the services: every operation goes through here to exchange_run(). */
#include "client/service.h"

#include "client/exchange.h"
#include "client/failure.h"
#include "client/key_signer.h"

static bool is_unreserved(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '.' || c == '_' || c == '~';
}

void service_segment(struct buf *out, const char *text)
{
    for (; *text; text++) {
        if (is_unreserved(*text))
            buf_add_char(out, *text);
        else
            buf_addf(out, "%%%02X", (unsigned char)*text);
    }
}

enum cg_status service_text(struct str s, char **out)
{
    char *copy = NULL;

    if (s.len > 0 && memchr(s.ptr, '\0', s.len))
        return CG_PROTOCOL;
    copy = malloc(s.len + 1);
    if (!copy)
        return CG_NOMEM;
    if (s.len > 0)
        memcpy(copy, s.ptr, s.len);
    copy[s.len] = '\0';
    *out = copy;
    return CG_OK;
}

static size_t count_nuls(struct str s)
{
    size_t n = 0;

    for (size_t i = 0; i < s.len; i++)
        n += s.ptr[i] == '\0';
    return n;
}

/* A copy in which each NUL is U+FFFD: anybody can write one into a name, and what others said on
 * the same page is to be read all the same. */
static char *readable(struct str s)
{
    static const char stand_in[3] = {'\xef', '\xbf', '\xbd'};
    size_t nuls = count_nuls(s), n = 0;
    char *copy = malloc(s.len + nuls * (sizeof stand_in - 1) + 1);

    if (!copy)
        return NULL;
    for (size_t i = 0; i < s.len; i++) {
        if (s.ptr[i] != '\0') {
            copy[n++] = s.ptr[i];
        } else {
            memcpy(copy + n, stand_in, sizeof stand_in);
            n += sizeof stand_in;
        }
    }
    copy[n] = '\0';
    return copy;
}

/* What is stored belongs to the structs that the callers clear. */
NO_LEAK_BEGIN
enum cg_status service_read_text(const json_t *item, const char *name, char **out)
{
    struct str text = STR_EMPTY;

    if (json_get_str(item, name, &text))
        return CG_OK;
    *out = readable(text);
    return *out ? CG_OK : CG_NOMEM;
}

enum cg_status service_read_texts(const json_t *item, const char *const *names, char **const *outs,
                                  size_t n)
{
    enum cg_status status = CG_OK;

    for (size_t i = 0; i < n && status == CG_OK; i++)
        status = service_read_text(item, names[i], outs[i]);
    return status;
}
NO_LEAK_END

enum cg_status service_told(const struct cg_client *client, enum cg_status status,
                            struct cg_error *err)
{
    if (status == CG_PROTOCOL)
        return exchange_not_understood(client, err);
    return status == CG_NOMEM ? failure(err, CG_NOMEM, STR("out of memory")) : status;
}

enum cg_status service_run(struct cg_client *client, const struct service_call *call, json_t **out,
                           struct cg_error *err)
{
    struct buf reply;
    struct exchange x = {.method = call->method,
                         .target = buf_cstr(call->target),
                         .reply = &reply,
                         .repeatable = call->repeatable,
                         .content_type = call->content_type,
                         .repeat_id = call->repeat_id};
    enum cg_status status = CG_NOMEM;

    buf_init(&reply, REPLY_MAX);
    if (call->target->failed == RC_TOO_LARGE ||
        (call->body && call->body->failed == RC_TOO_LARGE)) {
        status = failure(err, CG_INVALID, STR("this is too much for one call"));
        goto out;
    }
    if (call->repeat_id && !text_is_plain(call->repeat_id)) {
        status = failure(err, CG_INVALID, STR("this is no repeat id"));
        goto out;
    }
    if (!x.target || (call->body && call->body->failed)) {
        (void)failure(err, CG_NOMEM, STR("out of memory"));
        goto out;
    }
    x.body = call->body ? buf_str(call->body) : STR_EMPTY;
    status = exchange_run(client, &x, err);
    if (status == CG_OK && out && json_read(buf_str(&reply), out, NULL))
        status = exchange_not_understood(client, err);
out:
    buf_wipe(&reply);
    return status;
}
