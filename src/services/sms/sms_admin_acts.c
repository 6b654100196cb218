/* What else a carrier does, done by hand: a message comes in, a report comes. Source: wire/sms §8.
 */
#include "services/sms/sms_admin.h"

#define TEXT_OCTETS_MAX 32768 /* of an inbound message; the service judges what fits */
#define SEGMENTS_MAX    255

/* ---- inbound ---- */

struct inbound {
    struct request *req;
    struct carrier_inbound message;
    char id[SMS_ID_LEN];
};

static void on_inbound(void *ctx, enum rc rc)
{
    struct inbound *in = ctx;
    struct request *req = in->req;
    struct json_writer w;
    struct buf out;

    if (rc == RC_NOT_FOUND) {
        answer_invalid(req,
                       STR("to can't receive: it is no sender of this resource that takes "
                           "messages. `callgate sender set NUMBER` puts it on the list."),
                       STR("$.to"));
        return;
    }
    if (rc == RC_INVALID) {
        answer_invalid(req, STR("message must be text of a size that a phone can send."),
                       STR("$.message"));
        return;
    }
    if (rc) {
        answer_rc(req, rc);
        return;
    }
    out = answer_buf(req, 128);
    json_writer_init(&w, &out);
    json_object_begin(&w);
    json_member_str(&w, "messageId", str_of(in->id, sizeof in->id));
    json_object_end(&w);
    answer_json(req, 202, &out);
}

static bool inbound_ok(struct request *req, const struct carrier_inbound *m, struct refusal *why)
{
    bool strict = sms_options(req->site->sms)->numbers_strict;
    enum sms_sender_kind to = sms_sender_kind_of(m->to, strict);

    if (!sms_number_valid(m->from, strict))
        return sms_admin_refuse(why,
                                STR("from must be a number with '+' and country code, like "
                                    "+14255550123."),
                                "$.from");
    if (to == SMS_SENDER_NONE || to == SMS_SENDER_ALPHANUMERIC)
        return sms_admin_refuse(why,
                                STR("to must be a number or a short code: an alphanumeric sender "
                                    "can't receive."),
                                "$.to");
    return true;
}

void sms_admin_inbound(struct request *req)
{
    static const struct json_field fields[] = {
        {"from", JSON_FIELD_STR, offsetof(struct carrier_inbound, from), 1, 32, true},
        {"to", JSON_FIELD_STR, offsetof(struct carrier_inbound, to), 1, 32, true},
        {"message", JSON_FIELD_STR, offsetof(struct carrier_inbound, text), 0, TEXT_OCTETS_MAX,
         true},
        {0}};
    struct inbound *in = arena_new(req->arena, struct inbound);
    struct sms_let_in let_in;
    struct refusal why;

    in->req = req;
    if (!body_fill(req, fields, &in->message, &why) || !inbound_ok(req, &in->message, &why)) {
        answer_refusal(req, &why);
        return;
    }
    request_hold(req);
    let_in = (struct sms_let_in){
        .resource = &req->principal->resource->id, .message = &in->message, .out_id = in->id};
    sms_take_inbound_of(req->site, &let_in, on_inbound, in);
}

/* ---- report ---- */

struct report_body {
    struct str status;
    int64_t code, segments_failed;
};

static bool fate_of(const struct report_body *body, const struct sms_row *row, struct sms_fate *out,
                    struct refusal *why)
{
    *out = (struct sms_fate){.delivered = name_eq(body->status, STR("Delivered")),
                             .code = (uint32_t)body->code,
                             .segments_failed = (uint32_t)body->segments_failed};
    if (!out->delivered && !name_eq(body->status, STR("Failed")))
        return sms_admin_refuse(why, STR("deliveryStatus must be Delivered or Failed."),
                                "$.deliveryStatus");
    if (out->delivered &&
        (body->segments_failed || (body->code && body->code != SMS_CODE_DELIVERED)))
        return sms_admin_refuse(why, STR("What is delivered has code 2000 and no failed segments."),
                                body->segments_failed ? "$.segmentsFailed" : "$.code");
    if (!out->delivered && body->code && !sms_code_is_failure(out->code))
        return sms_admin_refuse(
            why,
            STR("code must be one of a failure: 4000 to 4010, 4020, 5000, 5001, "
                "5002 or 9999."),
            "$.code");
    if (out->segments_failed > row->segments)
        return sms_admin_refuse(why, STR("The message has not so many segments."),
                                "$.segmentsFailed");
    return true;
}

static void on_reported(void *ctx, enum rc rc)
{
    struct request *req = ctx;

    if (rc == RC_CONFLICT)
        sms_admin_conflict(req, STR("The message has ended before: its report is final."));
    else if (rc == RC_NOT_FOUND)
        sms_admin_not_found(req, STR("There is no such message that was sent."));
    else if (rc)
        answer_rc(req, rc);
    else
        answer_empty(req, 202);
}

/* The message in the path, of the caller's resource. */
static enum rc row_of(struct request *req, struct sms_row *out)
{
    struct uuid id;
    enum rc rc;

    if (sms_id_parse(req->params[0], &id))
        return RC_NOT_FOUND;
    rc = store_sms(req->site->reader, &id, req->arena, out);
    if (rc)
        return rc;
    return uuid_eq(&out->resource, &req->principal->resource->id) && out->state != SMS_RECEIVED
               ? RC_OK
               : RC_NOT_FOUND;
}

void sms_admin_report(struct request *req)
{
    static const struct json_field fields[] = {
        {"deliveryStatus", JSON_FIELD_STR, offsetof(struct report_body, status), 1, 16, true},
        {"code", JSON_FIELD_INT, offsetof(struct report_body, code), 1, 99999, false},
        {"segmentsFailed", JSON_FIELD_INT, offsetof(struct report_body, segments_failed), 0,
         SEGMENTS_MAX, false},
        {0}};
    struct report_body body = {0};
    struct sms_fate fate;
    struct sms_row row;
    struct refusal why;
    enum rc rc;

    if (!body_fill(req, fields, &body, &why)) {
        answer_refusal(req, &why);
        return;
    }
    rc = row_of(req, &row);
    if (rc) {
        on_reported(req, rc);
        return;
    }
    if (!fate_of(&body, &row, &fate, &why)) {
        answer_refusal(req, &why);
        return;
    }
    request_hold(req);
    sms_finish(req->site, &row.id, &fate, on_reported, req);
}
