/* A small world for hubs: topics, users, who is in what, and a log of what happened. It stands in
 * for the store: store_list_chat() and store_on_pool() are wrapped. */
#ifndef TESTS_UNIT_EVENTS_HUB_WORLD_H
#define TESTS_UNIT_EVENTS_HUB_WORLD_H

#include "unit/base/unit.h"

#include "events/hub.h"

#include <pthread.h>

#define TOPICS  12
#define USERS   10
#define LOG_MAX 200000

struct world {
    pthread_mutex_t lock;
    struct bus *bus;
    struct uuid resource;
    struct {
        int64_t joined, gone;
    } member[TOPICS][USERS];
    bool deleted[TOPICS];
    int64_t order;
    struct {
        uint32_t heard; /* a bit for each user who may hear it */
    } log[LOG_MAX];
    enum rc failing;   /* what reads give */
    unsigned delay_us; /* at most so long a read takes */
};
extern struct world world;

void world_init(struct bus *bus);
void world_clear(void);
struct uuid world_topic(unsigned topic);
struct user_key world_user(unsigned user);
/* Each commits, then publishes; one thread only. */
void world_say(unsigned topic);
/** Nothing happens when he is in, or not in. */
void world_join(unsigned topic, unsigned user);
void world_part(unsigned topic, unsigned user);
void world_delete(unsigned topic);
/** In no log. */
void world_typing(unsigned topic);

#endif
