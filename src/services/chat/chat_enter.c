/* The caller at the door of a thread: what is refused before anything is written. Whoever writes is
 * judged again on the writer thread (chat_write.c). Source: wire/chat §1.5, §2.1. */
#include "services/chat/chat_wire.h"

void chat_window(const struct chat_member_row *member, unix_ms *out_from, unix_ms *out_to)
{
    *out_from = member->share_from;
    *out_to = member->left;
}

bool chat_sees(const struct chat_member_row *member, unix_ms message)
{
    return message >= member->share_from && (!member->left || message <= member->left);
}

struct chat_thread_row chat_thread_for(const struct chat_thread_row *row,
                                       const struct chat_member_row *member)
{
    struct chat_thread_row seen = *row;

    if (!member->left)
        return seen;
    seen.topic = member->topic;
    seen.metadata = STR_EMPTY;
    seen.delete_after_days = 0;
    return seen;
}

/* False: answered. */
static bool find(struct request *req, struct chat_place *out)
{
    enum rc rc;

    out->member = (struct chat_member_row){.user = req->principal->user.user};
    if (chat_thread_id_parse(req->params[0], &out->member.thread, &out->secret)) {
        chat_answer_no_thread(req, STR("chat; the path names no id of a thread"));
        return false;
    }
    rc = store_chat_place(req->site->reader, req->arena, &out->thread, &out->member);
    if (rc && rc != RC_NOT_FOUND) {
        chat_answer_rc(req, rc);
        return false;
    }
    if (rc || !chat_thread_is(&out->thread, &out->secret) ||
        !uuid_eq(&out->thread.resource, &req->principal->user.resource)) {
        chat_answer_no_thread(req, STR("chat; there is no such thread in the token's resource, or "
                                       "it was deleted long ago"));
        return false;
    }
    return true;
}

static bool deny(struct request *req, const struct api_error *error, struct str explain)
{
    req->explain = explain;
    answer_error(req, error);
    return false;
}

static bool enter(struct request *req, bool to_read, struct chat_place *out)
{
    const struct chat_options *options = &req->site->chat->options;

    if (!find(req, out))
        return false;
    if (out->thread.deleted)
        return deny(req,
                    options->hide_foreign && !out->member.joined ? &API_FORBIDDEN
                                                                 : &API_CHAT_THREAD_NOT_FOUND,
                    STR("chat; the thread was deleted"));
    if (!out->member.joined)
        return deny(req, &API_FORBIDDEN,
                    STR("chat; the token's user is not, and never was, in the thread"));
    if (out->member.left && !(to_read && options->removed_reads))
        return deny(req, &API_FORBIDDEN, STR("chat; the token's user was removed from the thread"));
    return true;
}

bool chat_enter(struct request *req, struct chat_place *out)
{
    return enter(req, false, out);
}

bool chat_enter_to_read(struct request *req, struct chat_place *out)
{
    return enter(req, true, out);
}
