/* Recipients whose number says what shall happen: what a developer tries his program with. The
 * fate of a message is the inbox carrier's (carriers/inbox.c); here is what happens before it is
 * taken, and what comes back. Source: wire/sms §7. */
#include "services/sms/sms_core.h"

static const struct str throttled_number = STR_INIT("+19995550429");
static const struct str stop_number = STR_INIT("+19995557867");
static const struct str echo_number = STR_INIT("+19995553246");

int sms_sim_status(struct str to)
{
    static const struct {
        struct str number;
        int status;
    } rules[] = {
        {STR_INIT("+19995550400"), 400},
        {STR_INIT("+19995550500"), 500},
        {STR_INIT("+19995550503"), 503},
    };

    for (size_t i = 0; i < ARRAY_LEN(rules); i++)
        if (name_eq(to, rules[i].number))
            return rules[i].status;
    return 202;
}

bool sms_sim_may_throttle(struct str to)
{
    return name_eq(to, throttled_number);
}

bool sms_sim_throttles(struct sms *s, uint64_t key)
{
    bool told = false;

    key = key ? key : 1;
    mutex_lock(&s->lock);
    for (size_t i = 0; i < SMS_THROTTLED_MAX && !told; i++) {
        told = s->throttled[i] == key;
        if (told)
            s->throttled[i] = 0;
    }
    if (!told) {
        s->throttled[s->throttled_next] = key;
        s->throttled_next = (s->throttled_next + 1) % SMS_THROTTLED_MAX;
    }
    mutex_unlock(&s->lock);
    return !told;
}

bool sms_sim_answer(const struct sms_row *row, struct str *out_text)
{
    if (row->state != SMS_DELIVERED || !name_eq(row->transport, SMS_INBOX))
        return false;
    if (name_eq(row->to, stop_number))
        *out_text = STR("STOP");
    else if (name_eq(row->to, echo_number))
        *out_text = row->text;
    else
        return false;
    return true;
}
