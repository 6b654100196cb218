/* How many connections a client has: a small table under a lock, touched when a connection comes or
 * goes, and only for addresses that are neither ours nor a trusted proxy's. */
#include "net/net_internal.h"

struct address_count {
    struct in6_addr ip; /* of the first one: the key lies in it */
    uint32_t n;
};

static bool is_exempt(const struct net *net, const struct in6_addr *ip)
{
    const struct origin_rules *rules = net->options.origin_rules;

    if (net->options.limits.connections_per_addr == 0)
        return true;
    for (size_t i = 0; rules && i < rules->n_trusted; i++)
        if (cidr_contains(&rules->trusted_proxies[i], ip))
            return true;
    return false;
}

static struct address_count *count_of(struct net *net, const struct in6_addr *ip)
{
    struct address_count *count = map_get(&net->crowd, ip_of_client(ip));

    if (count)
        return count;
    count = calloc(1, sizeof *count);
    if (!count)
        abort();
    count->ip = *ip;
    (void)map_put(&net->crowd, ip_of_client(&count->ip), count); /* there was none */
    return count;
}

bool crowd_enter(struct net *net, const struct in6_addr *ip)
{
    struct address_count *count;
    bool fits;

    if (is_exempt(net, ip))
        return true;
    pthread_mutex_lock(&net->crowd_lock);
    count = count_of(net, ip);
    fits = count->n < net->options.limits.connections_per_addr;
    if (fits)
        count->n++;
    pthread_mutex_unlock(&net->crowd_lock);
    return fits;
}

void crowd_leave(struct net *net, const struct in6_addr *ip)
{
    struct address_count *count;

    if (is_exempt(net, ip))
        return;
    pthread_mutex_lock(&net->crowd_lock);
    count = map_get(&net->crowd, ip_of_client(ip));
    if (count && --count->n == 0) {
        (void)map_remove(&net->crowd, ip_of_client(ip)); /* that is `count` */
        free(count);
    }
    pthread_mutex_unlock(&net->crowd_lock);
}

void crowd_clear(struct net *net)
{
    size_t at = 0;
    struct str key;
    void *count;

    while (map_next(&net->crowd, &at, &key, &count))
        free(count);
    map_clear(&net->crowd);
}
