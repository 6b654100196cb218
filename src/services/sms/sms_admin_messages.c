/* Messages as an administrator or a test sees them: listed, read, waited for, cleared. They are
 * read on the pool, newest first. Source: wire/sms §8. */
#include "services/sms/sms_admin.h"

#define LOOKS_MAX       64        /* reads of one fetch: a filter may skip much */
#define PAGE_OCTETS_MAX (4 * MIB) /* a page ends early rather than grow beyond */
#define WAIT_DEFAULT_S  30
#define WAIT_MAX_S      60

struct messages {
    struct list_request list; /* first */
    struct sms_query query;
    enum rc rc;
    struct sms_row *rows; /* in list.scratch */
    size_t n;
    bool more;
    struct uuid next; /* of the last row that was looked at */
};

/* ---- reading, on the pool ---- */

static void read_messages(void *ctx, struct store_reader *r)
{
    struct messages *m = ctx;
    struct sms_query q = m->query;
    struct arena *scratch = &m->list.scratch;

    m->rc = r ? RC_OK : RC_IO;
    m->n = 0;
    m->more = true;
    m->rows = arena_array(scratch, struct sms_row, m->list.limit);
    for (unsigned i = 0; !m->rc && m->more && m->n < m->list.limit && i < LOOKS_MAX; i++) {
        struct sms_page page = {0};

        q.limit = m->list.limit - (uint32_t)m->n;
        m->rc = store_list_sms(r, &q, scratch, &page);
        if (m->rc)
            break;
        if (page.n)
            memcpy(m->rows + m->n, page.rows, page.n * sizeof *page.rows);
        m->n += page.n;
        m->more = page.more;
        m->next = page.next;
        q.before = page.next;
    }
}

/* The oldest that fits, alone. */
static void read_oldest(void *ctx, struct store_reader *r)
{
    struct messages *m = ctx;
    struct sms_query q = m->query;

    m->rc = r ? RC_OK : RC_IO;
    m->n = 0;
    q.limit = LIST_LIMIT_MAX;
    for (unsigned i = 0; !m->rc && i < LOOKS_MAX; i++) {
        struct sms_page page = {0};

        m->rc = store_list_sms(r, &q, &m->list.scratch, &page);
        if (!m->rc && page.n) {
            m->rows = &page.rows[page.n - 1];
            m->n = 1;
        }
        if (!page.more)
            break;
        q.before = page.next;
    }
}

static void on_read(void *ctx)
{
    struct messages *m = ctx;

    list_fetched(&m->list, m->rc, m->n);
}

static void fetch(struct list_request *list)
{
    struct messages *m = (struct messages *)list;
    struct request *req = list->req;

    store_on_pool(req->site->store, req->loop, list->alone ? read_oldest : read_messages, on_read,
                  m);
}

/* ---- the list ---- */

static struct str id_text(struct request *req, const struct uuid *id)
{
    char *text = arena_alloc(req->arena, UUID_TEXT_LEN);

    uuid_format(id, text);
    return str_of(text, UUID_TEXT_LEN);
}

static struct str write_messages(struct list_request *list, struct json_writer *w)
{
    struct messages *m = (struct messages *)list;
    struct request *req = list->req;

    for (size_t i = 0; i < m->n; i++) {
        sms_row_write_json(req->site->sms, &m->rows[i], &list->scratch, w);
        if (w->out->len > PAGE_OCTETS_MAX && i + 1 < m->n)
            return id_text(req, &m->rows[i].id);
    }
    return m->more ? id_text(req, &m->next) : STR_EMPTY;
}

/* The states that a name means; 0: it means none. */
static unsigned states_named(struct str name)
{
    if (name_eq(name, STR("open")))
        return SMS_OPEN_STATES;
    for (unsigned s = SMS_STATE_NONE + 1; s < SMS_STATE_COUNT; s++)
        if (name_eq(name, sms_state_name((enum sms_state)s)))
            return SMS_STATE_BIT(s);
    return 0;
}

/* direction= and state=, which must both fit. */
static bool read_states(struct request *req, unsigned *out)
{
    static const unsigned inbound = SMS_STATE_BIT(SMS_RECEIVED);
    static const unsigned outbound =
        SMS_OPEN_STATES | SMS_STATE_BIT(SMS_DELIVERED) | SMS_STATE_BIT(SMS_FAILED);
    struct str direction = request_query(req, "direction"), state = request_query(req, "state");
    unsigned bits = inbound | outbound;

    if (direction.ptr && !name_eq(direction, STR("inbound")) &&
        !name_eq(direction, STR("outbound"))) {
        answer_invalid(req, STR("direction must be inbound or outbound."), STR("direction"));
        return false;
    }
    if (direction.ptr)
        bits = name_eq(direction, STR("inbound")) ? inbound : outbound;
    if (state.ptr && !states_named(state)) {
        answer_invalid(req,
                       STR("state must be queued, submitting, submitted, delivered, failed, "
                           "received, or open for the first three."),
                       STR("state"));
        return false;
    }
    *out = state.ptr ? bits & states_named(state) : bits;
    return true;
}

/* Continuation and since=ID. */
static bool read_place(struct messages *m)
{
    struct request *req = m->list.req;

    if (m->list.after.len && uuid_parse(m->list.after, &m->query.before)) {
        answer_invalid(req, STR("after must come from a nextLink."), STR("after"));
        return false;
    }
    if (m->list.since_id.len && sms_id_parse(m->list.since_id, &m->query.after_id)) {
        answer_invalid(req, STR("since must be a time, or the id of a message."), STR("since"));
        return false;
    }
    m->query.since = m->list.since;
    return true;
}

static void query_begin(struct messages *m, struct request *req)
{
    struct str tag = request_query(req, "tag");

    m->query.what = SMS_LIST_NEWEST;
    m->query.resource = req->principal->resource->id;
    m->query.from = sms_admin_number(req, "from");
    m->query.to = sms_admin_number(req, "to");
    m->query.tag = tag.len ? arena_dup(req->arena, tag) : STR_EMPTY;
}

void sms_admin_messages_list(struct request *req)
{
    struct messages *m = arena_new(req->arena, struct messages);

    if (!list_begin(&m->list, req, fetch, write_messages))
        return;
    query_begin(m, req);
    if (!read_states(req, &m->query.states) || !read_place(m))
        return;
    if (m->query.states) {
        list_run(&m->list);
        return;
    }
    answer_invalid(req, STR("No message of that direction has that state."), STR("state"));
}

/* ---- waiting for one ---- */

static int write_one(struct list_request *list, struct buf *out)
{
    struct messages *m = (struct messages *)list;
    struct json_writer w;

    if (m->n == 0)
        return 204;
    json_writer_init(&w, out);
    sms_row_write_json(list->req->site->sms, &m->rows[0], &list->scratch, &w);
    return 200;
}

/* since= a duration: that long before the call. */
static bool read_ago(struct messages *m)
{
    struct str text = m->list.since_id;
    int64_t ms;

    if (!text.len || duration_parse(text, &ms) || ms < 0 || ms > m->list.req->now)
        return false;
    m->query.since = m->list.req->now - ms;
    return true;
}

static bool read_seconds(struct request *req, uint64_t *out)
{
    struct str text = request_query(req, "timeoutSeconds");

    *out = WAIT_DEFAULT_S;
    if (!text.ptr || str_to_u64(text, WAIT_MAX_S, out) == RC_OK)
        return true;
    answer_invalid(req, STR("timeoutSeconds must be a number from 0 to 60."),
                   STR("timeoutSeconds"));
    return false;
}

void sms_admin_messages_wait(struct request *req)
{
    struct messages *m = arena_new(req->arena, struct messages);
    uint64_t seconds;

    if (!list_begin(&m->list, req, fetch, write_messages) || !read_seconds(req, &seconds))
        return;
    query_begin(m, req);
    if (!m->query.to.len) {
        answer_invalid(req, STR("to must say which number's message is waited for."), STR("to"));
        return;
    }
    if (!read_ago(m) && !read_place(m))
        return;
    if (!m->query.since && !m->list.since_id.len)
        m->query.since = req->now;
    m->list.alone = write_one;
    m->list.count = 1;
    list_wait(&m->list, (int64_t)seconds * 1000);
    list_run(&m->list);
}

/* ---- one message ---- */

void sms_admin_message_get(struct request *req)
{
    struct sms_row row;
    struct json_writer w;
    struct uuid id;
    struct buf out;
    enum rc rc = sms_id_parse(req->params[0], &id) ? RC_NOT_FOUND : RC_OK;

    if (!rc)
        rc = store_sms(req->site->reader, &id, req->arena, &row);
    if (!rc && !uuid_eq(&row.resource, &req->principal->resource->id))
        rc = RC_NOT_FOUND;
    if (rc == RC_NOT_FOUND) {
        sms_admin_not_found(req, STR("There is no such message."));
        return;
    }
    if (rc) {
        answer_rc(req, rc);
        return;
    }
    out = answer_buf(req, sms_row_json_max(&row));
    json_writer_init(&w, &out);
    sms_row_write_json(req->site->sms, &row, req->arena, &w);
    answer_json(req, 200, &out);
}

/* ---- clearing ---- */

/* Some thousand at a time: the store says when there may be more. */
static void on_cleared(void *ctx, enum rc rc, struct change_set *set)
{
    struct request *req = ctx;

    if (rc) {
        answer_rc(req, rc);
        return;
    }
    if (set->items[0].out_existed) {
        set->items[0].out_existed = false;
        store_commit(req->site->store, set);
        return;
    }
    sms_admin_log(req, "sms.cleared", "resource", req->principal->resource->name);
    answer_empty(req, 204);
}

void sms_admin_messages_clear(struct request *req)
{
    const struct change change = {
        .kind = CHANGE_SMS_CLEAR,
        .u.sms = {.resource = req->principal->resource->id, .created = INT64_MAX}};

    sms_admin_commit(req, &change, on_cleared, req);
}
