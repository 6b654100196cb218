/* The routes of the wire: versions, handlers, and what they share. Source: wire/sms §1, §2. */
#ifndef SERVICES_SMS_WIRE_H
#define SERVICES_SMS_WIRE_H

#include "services/answer.h"
#include "services/sms/sms_core.h"

/** The versions in order: request.version of these routes. */
enum sms_version {
    SMS_NONE = 0,
    SMS_2020_07_20_PREVIEW1,
    SMS_2020_08_20_PREVIEW,
    SMS_2021_03_07,
    SMS_2022_07_07,
    SMS_2024_01_02,
    SMS_2024_02_05,
    SMS_2024_02_05_PREVIEW,
    SMS_2024_12_10_PREVIEW,
    SMS_2025_05_29_PREVIEW,
    SMS_2025_08_01_PREVIEW,
    SMS_2025_09_17,
    SMS_2026_01_23,
    SMS_LAST = SMS_2026_01_23
};

/** POST /sms */
void sms_send(struct request *req);
/** The same in 2020-07-20-preview1: one recipient, 200 with its id. Source: wire/sms §2.8. */
void sms_send_2020(struct request *req);
/** POST /mms: a version that had it is one that is not served. Source: wire/sms §1.1. */
void sms_mms(struct request *req);
/** POST /sms/optouts:add, :remove, :check */
void sms_optouts_add(struct request *req);
void sms_optouts_remove(struct request *req);
void sms_optouts_check(struct request *req);
/** GET /deliveryReports/{id} */
void sms_report_get(struct request *req);

/* ---- refusals of whole requests: sms_errors.c ---- */

#define SMS_PROBLEMS_MAX 8
/** What is wrong with a request: members of its body, and why. */
struct sms_problems {
    struct sms_problem {
        const char *member; /* "From", "SmsSendOptions.Tag", "$" */
        struct str text;    /* arena or static */
    } items[SMS_PROBLEMS_MAX];
    size_t n;
};
void sms_problem_add(struct sms_problems *p, const char *member, struct str text);
/** Answers 400 in the shape that the version has: E0, E1 or E3. Source: wire/sms §2.6. */
void sms_answer_problems(struct request *req, const struct sms_problems *p);
/** Answers 404 with RFC 9110's problem: a report that is not there. */
void sms_answer_no_report(struct request *req);
/** The sender is well-formed and not the caller's: 401, in the 2020 preview 404. */
void sms_answer_sender_unknown(struct request *req, struct str sender);
/** A store that failed: 503, or 500. */
void sms_answer_rc(struct request *req, enum rc rc);
/** The body as an object. False: answered. *out is owned. */
bool sms_body(struct request *req, json_t **out) NODISCARD;

/* ---- one send: sms_send_read.c fills it, sms_send.c carries it out ---- */

enum sms_repeat_result { SMS_REPEAT_NONE = 0, SMS_REPEAT_ACCEPTED, SMS_REPEAT_REJECTED };

struct sms_recipient {
    struct str to;   /* as sent */
    bool repeatable; /* carries an id that can be used */
    struct uuid repeat_id;
    unix_ms first_sent;
    uint8_t digest[32];
    int status; /* of its item; 0: not decided yet */
    struct str error;
    enum sms_repeat_result repeat;
    struct sms_row row;         /* status 202; of a replay its id and time alone */
    bool is_new;                /* its row is to be written */
    struct str item;            /* JSON, once it was asked for */
    struct sms_recipient *same; /* an earlier one of this request with the same id */
};

struct sms_sending {
    struct request *req;
    const struct sms_world *world; /* held until the answer */
    struct sms_sender sender;
    struct str from, message, tag;
    struct str
        connect; /* all that is for a partner: JSON, members in order; empty: none is named */
    bool report;
    int64_t timeout_s;
    uint32_t segments;
    uint32_t rate; /* of the sender, per minute; 0: no limit */
    bool ucs2;
    struct sms_recipient *recipients;
    size_t n;
    unsigned tries;
    struct change_list changes;
    struct change_set set;
    int64_t opened;
    uint64_t opted_out; /* those that have failed at once */
    bool in_2020;
};

/** Reads the body of 2021-03-07 and later into *out (zeros but req). What is wrong goes to `p`.
 * False: answered already. */
bool sms_send_read(struct sms_sending *out, struct sms_problems *p) NODISCARD;
/** The same for 2020-07-20-preview1. */
bool sms_send_read_2020(struct sms_sending *out, struct sms_problems *p) NODISCARD;

/** "Invalid From phone number format": what recordings have. */
#define SMS_TEXT_FROM STR("Invalid From phone number format")
#define SMS_TEXT_TO   STR("Invalid To phone number format.")

#endif
