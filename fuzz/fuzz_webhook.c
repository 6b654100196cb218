/* What webhooks answer, and what is kept of subscriptions. The first line is an endpoint, a header
 * or an allowed origin, the rest a document: an answer to the handshake, and a subscription's row.
 */
#include "fuzz.h"

#include "events/endpoint.h"
#include "events/envelope.h"
#include "events/handshake.h"
#include "events/retry.h"

#define CODE "0c1f2a33-1111-4222-8333-444455556666"

static const struct endpoint_rules production;

/* What production takes is https, and no written-out address that is not public. */
static void check_endpoint(struct str url)
{
    struct endpoint_rules development = {.development = true};
    struct outbound_url u;

    if (endpoint_against(&production, url))
        return;
    CHECK(!endpoint_against(&development, url));
    CHECK(outbound_url_parse(url, &u) == RC_OK && u.tls && u.host.len);
    CHECK(!name_eq_nocase(u.host, STR("localhost")) && !name_eq(u.host, STR("127.0.0.1")) &&
          !name_eq(u.host, STR("::1")) && !name_eq(u.host, STR("169.254.169.254")));
}

static void check_header(struct str line)
{
    struct str name, value;

    (void)str_cut(line, ':', &name, &value); /* without one: no value, which is refused */
    if (subscription_header_against(name, value))
        return;
    CHECK(name.len && value.len && value.len <= SUBSCRIPTION_VALUE_MAX);
    CHECK(!str_starts_nocase(name, STR("aeg-")) && !name_eq_nocase(name, STR("host")));
    for (size_t i = 0; i < value.len; i++)
        CHECK((unsigned char)value.ptr[i] >= ' ');
}

static void check_answers(struct str line, struct str document)
{
    static const int statuses[] = {0, 200, 202, 204, 400};

    for (size_t i = 0; i < ARRAY_LEN(statuses); i++) {
        enum handshake_verdict verdict = handshake_judge(statuses[i], document, STR(CODE));

        CHECK(verdict == HANDSHAKE_AGAIN || statuses[i] == 200);
        CHECK(verdict != HANDSHAKE_PASSED || document.len > sizeof CODE);
    }
    if (handshake_judge_origin(line, STR("a.example")) == HANDSHAKE_PASSED)
        CHECK(name_eq(str_trim(line), STR("*")) ||
              name_eq_nocase(str_trim(line), STR("a.example")));
    CHECK(handshake_rate(line) <= 1000000);
}

/* What was read is within its limits; written and read again it stays the same. */
static void check_row(struct str document, struct arena *arena)
{
    struct subscription_row row = {.document = document, .version = 1}, again;
    struct subscription s, t;

    if (subscription_read(&row, NULL, arena, &s))
        return;
    CHECK(s.schema != SCHEMA_NONE && s.attempts_max >= 1 && s.attempts_max <= 30);
    CHECK(s.ttl_minutes >= 1 && s.ttl_minutes <= 1440 && s.batch_max >= 1 && s.batch_kib >= 1);
    CHECK(s.types_n <= SUBSCRIPTION_TYPES_MAX && !s.headers_n && s.endpoint.len);
    CHECK(subscription_wants(&s, s.types_n ? s.types[0] : STR("x"), STR("")) ==
          (!s.begins.len && !s.ends.len));
    subscription_write(&s, NULL, arena, &row);
    CHECK(subscription_read(&row, NULL, arena, &t) == RC_OK);
    subscription_write(&t, NULL, arena, &again);
    CHECK(str_eq(row.document, again.document));
}

/* The same outcome, whatever stands in it, comes apart and together again. */
static void check_outcome(struct str line, struct arena *arena)
{
    struct str last, reason;
    struct retry_plan plan = retry_expired(line, arena);

    outcome_split(plan.outcome, &last, &reason);
    CHECK(last.len + (reason.len ? reason.len + 1 : 0) <= plan.outcome.len);
    CHECK(str_ends(plan.outcome, STR("TimeToLiveExceeded")));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str line, document;
    struct arena arena;

    (void)str_cut(str_of(data, size), '\n', &line, &document); /* without a line end: no document */
    arena_init(&arena);
    check_endpoint(line);
    check_header(line);
    check_answers(line, document);
    check_row(document, &arena);
    check_outcome(line, &arena);
    arena_clear(&arena);
    return 0;
}
