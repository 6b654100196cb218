/* GET /deliveryReports/{id}: what became of one message. Source: wire/sms §2.7. */
#include "services/sms/sms_wire.h"

/* Asked for at sending, and of the caller's resource: else it is not there. */
static bool is_readable(const struct request *req, const struct sms_row *row)
{
    return row->report && row->state != SMS_RECEIVED &&
           uuid_eq(&row->resource, &req->principal->resource->id);
}

static void answer(struct request *req, const struct sms_row *row)
{
    const struct sms *s = req->site->sms;
    struct buf out = answer_buf(req, sms_row_json_max(row));
    struct json_writer w;

    json_writer_init(&w, &out);
    json_object_begin(&w);
    if (row->finished) {
        sms_report_write(s, row, req->arena, &w);
    } else {
        json_member_str(&w, "deliveryStatus", STR("Pending"));
        if (row->history.len) {
            json_name(&w, "deliveryAttempts");
            json_raw(&w, row->history);
        }
    }
    if (row->tag.len)
        json_member_str(&w, "tag", row->tag);
    json_member_str(&w, "messageId", sms_id_of(row, req->arena));
    json_member_str(&w, "from", row->from);
    json_member_str(&w, "to", row->to);
    json_object_end(&w);
    answer_json(req, 200, &out);
}

void sms_report_get(struct request *req)
{
    struct sms_row row;
    struct uuid id;
    enum rc rc = sms_id_parse(req->params[0], &id);

    if (!rc)
        rc = store_sms(req->site->reader, &id, req->arena, &row);
    if (!rc &&
        (!is_readable(req, &row) || (!row.finished && req->version != SMS_2025_08_01_PREVIEW)))
        rc = RC_NOT_FOUND;
    if (rc == RC_INVALID || rc == RC_NOT_FOUND)
        sms_answer_no_report(req);
    else if (rc)
        sms_answer_rc(req, rc);
    else
        answer(req, &row);
}
