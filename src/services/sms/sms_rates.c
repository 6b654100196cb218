/* Segments a minute, per sender: fixed windows of service time under one lock. Taken only where a
 * limit holds. Source: wire/sms §4.2. */
#include "services/sms/sms_core.h"

#define WINDOW_MS   ((int64_t)60 * 1000)
#define WINDOWS_MAX ((size_t)65536)
#define KEY_MAX     (sizeof(struct uuid) + 16)

struct window {
    char key[KEY_MAX];
    size_t len;
    unix_ms began;
    uint32_t used;
};

struct sms_rates {
    pthread_mutex_t lock;
    struct map windows;
};

static const uint32_t documented[SMS_SENDER_KIND_COUNT] = {
    [SMS_SENDER_TOLL_FREE] = 200,
    [SMS_SENDER_SHORT_CODE] = 6000,
    [SMS_SENDER_ALPHANUMERIC] = 600,
    [SMS_SENDER_LONG_CODE] = 0, /* the partner's business */
};

struct sms_rates *sms_rates_new(void)
{
    struct sms_rates *r = calloc(1, sizeof *r);

    if (!r || pthread_mutex_init(&r->lock, NULL))
        abort();
    map_init(&r->windows);
    return r;
}

static void forget_all(struct sms_rates *r)
{
    size_t at = 0;
    struct str key;
    void *window;

    while (map_next(&r->windows, &at, &key, &window))
        free(window);
    map_clear(&r->windows);
}

void sms_rates_free(struct sms_rates *r)
{
    if (!r)
        return;
    forget_all(r);
    (void)pthread_mutex_destroy(&r->lock); /* nobody holds it any more */
    free(r);
}

static struct window *window_of(struct sms_rates *r, const struct sms_sender *sender, unix_ms now)
{
    char key[KEY_MAX];
    size_t len = sizeof sender->resource.octets + sender->sender.len;
    struct window *w;

    if (len > sizeof key)
        len = sizeof key; /* no well-formed sender is longer */
    memcpy(key, sender->resource.octets, sizeof sender->resource.octets);
    memcpy(key + sizeof sender->resource.octets, sender->sender.ptr,
           len - sizeof sender->resource.octets);
    w = map_get(&r->windows, str_of(key, len));
    if (!w) {
        if (r->windows.count >= WINDOWS_MAX) {
            forget_all(r); /* with senders = any, a caller may invent them: memory is bounded */
            map_init(&r->windows);
        }
        w = calloc(1, sizeof *w);
        if (!w)
            abort();
        memcpy(w->key, key, len);
        w->len = len;
        w->began = now;
        map_put(&r->windows, str_of(w->key, len), w);
    }
    if (now - w->began >= WINDOW_MS || now < w->began) {
        w->began = now;
        w->used = 0;
    }
    return w;
}

uint32_t sms_rates_take(struct sms_rates *r, const struct sms_sender *sender, uint32_t rate,
                        uint32_t units, unix_ms now)
{
    struct window *w;
    uint32_t retry_s = 0;

    mutex_lock(&r->lock);
    w = window_of(r, sender, now);
    if (w->used < rate)
        w->used += units;
    else
        retry_s = (uint32_t)((WINDOW_MS - (now - w->began) + 999) / 1000);
    mutex_unlock(&r->lock);
    return retry_s;
}

uint32_t sms_rate_of(const struct sms *s, const struct sms_sender *sender)
{
    if (sender->has_rate)
        return sender->rate;
    return s->options.rates ? documented[sender->kind] : 0;
}
