/* The retry table and its schedule. Source: wire/events §7. */
#include "events/retry.h"

#define SECONDS           ((int64_t)1000)
#define MINUTES           (60 * SECONDS)
#define HOURS             (60 * MINUTES)
#define JITTER_MAX_MS     (30 * SECONDS)
#define JITTER_SHARE      20 /* a twentieth */
#define PROTECTED_FROM    10u
#define PROTECTION_MS     (30 * SECONDS)
#define PROTECTION_MAX_MS (10 * MINUTES)
#define ATTEMPTS_EXCEEDED "MaxDeliveryAttemptsExceeded"
#define TTL_EXCEEDED      "TimeToLiveExceeded"

/* clang-format off */
/* NOLINTNEXTLINE(clang-analyzer-optin.performance.Padding): in the order that the table is read in */
static const struct {
    int status;
    struct str name;
    bool final;      /* not tried again */
    bool blameless;  /* the endpoint is well: it does not want this event */
    int64_t wait_ms; /* at least */
} statuses[] = {
    {400, STR_INIT("BadRequest"),            true,  true,  0},
    {401, STR_INIT("Unauthorized"),          true,  false, 0},
    {403, STR_INIT("Forbidden"),             true,  false, 0},
    {404, STR_INIT("NotFound"),              false, false, 5 * MINUTES},
    {408, STR_INIT("RequestTimeout"),        false, false, 2 * MINUTES},
    {413, STR_INIT("RequestEntityTooLarge"), true,  true,  0},
    {429, STR_INIT("Busy"),                  false, false, 10 * SECONDS},
    {500, STR_INIT("InternalServerError"),   false, false, 10 * SECONDS},
    {502, STR_INIT("BadGateway"),            false, false, 10 * SECONDS},
    {503, STR_INIT("Busy"),                  false, false, 30 * SECONDS},
    {504, STR_INIT("GatewayTimeout"),        false, false, 10 * SECONDS},
};

static const int64_t schedule[] = {
    10 * SECONDS, 30 * SECONDS, 1 * MINUTES, 5 * MINUTES, 10 * MINUTES, 30 * MINUTES,
    1 * HOURS, 3 * HOURS, 6 * HOURS, 12 * HOURS,
};
/* clang-format on */

/* The row of a status; ARRAY_LEN(statuses): none. */
static size_t row_of(int status)
{
    size_t i = 0;

    while (i < ARRAY_LEN(statuses) && statuses[i].status != status)
        i++;
    return i;
}

bool attempt_succeeded(const struct attempt *a)
{
    return a->rc == RC_OK && a->status >= 200 && a->status <= 204;
}

static bool says(const struct attempt *a, struct str what)
{
    struct str reason = str_from(a->reason);

    return str_find_str(reason, what) < reason.len;
}

static struct str failure_name(const struct attempt *a)
{
    if (a->rc == RC_DENIED)
        return a->status ? STR("RedirectNotFollowed") : STR("EndpointNotAllowed");
    if (a->rc == RC_TOO_LARGE)
        return STR("ResponseTooLarge");
    if (says(a, STR("timed out")))
        return STR("TimedOut");
    if (says(a, STR("resolve")))
        return STR("ResolutionError");
    if (says(a, STR("certificate")) || says(a, STR("SSL")))
        return STR("TlsError");
    return STR("SocketError");
}

struct str attempt_name(const struct attempt *a)
{
    size_t row = row_of(a->status);

    if (a->rc)
        return failure_name(a);
    if (attempt_succeeded(a))
        return STR("Delivered");
    if (row < ARRAY_LEN(statuses))
        return statuses[row].name;
    if (a->status >= 300 && a->status < 400)
        return STR("RedirectNotFollowed");
    return a->status >= 200 && a->status < 300 ? STR("UnexpectedSuccessStatus")
                                               : STR("GenericError");
}

bool attempt_blames_endpoint(const struct attempt *a)
{
    size_t row = row_of(a->status);

    return !attempt_succeeded(a) &&
           (a->rc || row == ARRAY_LEN(statuses) || !statuses[row].blameless);
}

int64_t retry_jitter_ms(int64_t wait, uint32_t random)
{
    int64_t max = wait / JITTER_SHARE < JITTER_MAX_MS ? wait / JITTER_SHARE : JITTER_MAX_MS;

    return (int64_t)random % (max + 1);
}

int64_t retry_wait_ms(uint32_t attempts, int status, uint32_t random)
{
    size_t step = attempts ? attempts - 1 : 0, row = row_of(status);
    int64_t wait = schedule[step < ARRAY_LEN(schedule) ? step : ARRAY_LEN(schedule) - 1];

    if (row < ARRAY_LEN(statuses) && statuses[row].wait_ms > wait)
        wait = statuses[row].wait_ms;
    return wait + retry_jitter_ms(wait, random);
}

bool retry_is_expired(unix_ms published, uint32_t ttl_minutes, unix_ms now)
{
    return now >= published + ttl_minutes * MINUTES;
}

struct retry_plan retry_expired(struct str outcome, struct arena *arena)
{
    struct str last = outcome.len ? outcome : STR("NotAttempted");

    return (struct retry_plan){
        .to = EVENT_DEAD,
        .outcome = arena_printf(arena, STR_FMT " " TTL_EXCEEDED, STR_ARG(last)),
    };
}

static struct retry_plan dead(struct str last, const char *reason, struct arena *arena)
{
    return (struct retry_plan){
        .to = EVENT_DEAD, .outcome = arena_printf(arena, STR_FMT " %s", STR_ARG(last), reason)};
}

struct retry_plan retry_decide(const struct attempt *a, const struct attempt_of *of, unix_ms now,
                               uint32_t random, struct arena *arena)
{
    struct retry_plan plan = {.to = EVENT_DELIVERED, .outcome = attempt_name(a)};
    size_t row = row_of(a->status);
    unix_ms end = of->published + of->ttl_minutes * MINUTES;

    if (attempt_succeeded(a))
        return plan;
    if (!a->rc && row < ARRAY_LEN(statuses) && statuses[row].final)
        return dead(plan.outcome, statuses[row].name.ptr, arena);
    if (of->attempts >= of->attempts_max)
        return dead(plan.outcome, ATTEMPTS_EXCEEDED, arena);
    if (now >= end)
        return dead(plan.outcome, TTL_EXCEEDED, arena);
    plan.to = EVENT_PENDING;
    plan.due = now + retry_wait_ms(of->attempts, a->rc ? 0 : a->status, random);
    if (plan.due > end)
        plan.due = end; /* where its time is over, which is told then */
    return plan;
}

int64_t retry_protection_ms(unsigned failures)
{
    int64_t wait = PROTECTION_MS;

    if (failures < PROTECTED_FROM)
        return 0;
    for (unsigned i = PROTECTED_FROM; i < failures && wait < PROTECTION_MAX_MS; i++)
        wait *= 2;
    return wait < PROTECTION_MAX_MS ? wait : PROTECTION_MAX_MS;
}
