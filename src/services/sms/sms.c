/* The shared part of the SMS service. */
#include "services/sms/sms.h"

#include "services/site.h"

struct sms {
    struct sms_options options;
};

struct sms *sms_new(const struct sms_options *options)
{
    struct sms *s = calloc(1, sizeof *s);

    if (!s)
        abort();
    s->options = *options;
    return s;
}

enum rc sms_load(struct sms *s, struct store_reader *r, struct buf *why)
{
    (void)s;
    (void)r;
    (void)why;
    return RC_OK;
}

void sms_on_commit(struct sms *s, const struct log_entry *entries, size_t n, struct store_reader *r)
{
    (void)s;
    (void)entries;
    (void)n;
    (void)r;
}

void sms_start(struct sms *s, const struct site *site)
{
    (void)s;
    (void)site;
}

void sms_stop(struct sms *s)
{
    (void)s;
}

void sms_free(struct sms *s)
{
    free(s);
}
