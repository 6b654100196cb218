/* How many connections one client may have: whom an address is, and who is not counted. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "net/net_internal.h"

#include <arpa/inet.h>

static void check(const char *name, bool right)
{
    if (!right)
        fail_msg("%s", name);
}

static struct in6_addr ip_of(const char *text)
{
    struct in6_addr ip;

    assert_int_equal(inet_pton(AF_INET6, text, &ip), 1);
    return ip;
}

static void start(struct net *net, uint32_t most, const struct origin_rules *rules)
{
    *net =
        (struct net){.options = {.limits = {.connections_per_addr = most}, .origin_rules = rules}};
    pthread_mutex_init(&net->crowd_lock, NULL);
    map_init(&net->crowd);
}

static void end(struct net *net)
{
    crowd_clear(net);
    pthread_mutex_destroy(&net->crowd_lock);
}

static void counts_clients(void **state)
{
    static const struct {
        const char *name, *first, *second;
        bool same;
    } cases[] = {
        {"an address is one client", "::ffff:192.0.2.1", "::ffff:192.0.2.1", true},
        {"neighbours in IPv4 are two", "::ffff:192.0.2.1", "::ffff:192.0.2.2", false},
        {"all of a /64 are one", "2001:db8:0:1::1", "2001:db8:0:1:ffff:ffff:ffff:ffff", true},
        {"neighbours of a /64 are two", "2001:db8:0:1::1", "2001:db8:0:2::1", false},
        {"IPv4 is no /64", "::ffff:192.0.2.1", "::1234", false},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct in6_addr first = ip_of(cases[i].first), second = ip_of(cases[i].second);
        struct net net;

        start(&net, 1, NULL);
        check(cases[i].name, crowd_enter(&net, &first));
        check(cases[i].name, crowd_enter(&net, &second) != cases[i].same);
        crowd_leave(&net, &first);
        check(cases[i].name, crowd_enter(&net, &first));
        end(&net);
    }
}

static void forgets_who_has_left(void **state)
{
    struct in6_addr first = ip_of("2001:db8::1"), second = ip_of("2001:db8::2");
    struct net net;

    (void)state;
    start(&net, 2, NULL);
    assert_true(crowd_enter(&net, &first) && crowd_enter(&net, &second));
    assert_false(crowd_enter(&net, &first));
    crowd_leave(&net, &first);
    crowd_leave(&net, &second); /* the first one's key was in use */
    assert_int_equal(net.crowd.count, 0);
    end(&net);
}

static void does_not_count_everybody(void **state)
{
    struct cidr proxy;
    struct origin_rules rules = {.trusted_proxies = &proxy, .n_trusted = 1};
    struct in6_addr trusted = ip_of("::ffff:10.1.2.3"), other = ip_of("::ffff:192.0.2.1");
    struct net net;

    (void)state;
    assert_int_equal(cidr_parse(STR("10.0.0.0/8"), &proxy), RC_OK);
    start(&net, 1, &rules);
    assert_true(crowd_enter(&net, &trusted) && crowd_enter(&net, &trusted));
    assert_int_equal(net.crowd.count, 0);
    net.options.limits.connections_per_addr = 0;
    assert_true(crowd_enter(&net, &other) && crowd_enter(&net, &other));
    end(&net);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(counts_clients),
        cmocka_unit_test(forgets_who_has_left),
        cmocka_unit_test(does_not_count_everybody),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
