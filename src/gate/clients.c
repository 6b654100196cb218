/* What a loop keeps of applications. Each change of one is told to the gate before it is
 * acknowledged, and moves grants_version(); while the gate could not read a change, nothing that is
 * kept counts. */
#include "gate/clients.h"

#include "gate/gate_private.h"

#define CLIENTS    64         /* a power of two */
#define CLIENT_MAX (32 * KIB) /* longer ones are read each time */

struct clients {
    struct kept_client {
        struct client *client; /* NULL: none */
        uint64_t version;      /* of the grants, as it stood before the row was read */
    } slots[CLIENTS];
};

static struct kept_client *slot_of(struct gate_loop *gl, const struct uuid *client_id)
{
    uint64_t hash = hash_keyed(client_id, sizeof *client_id);

    if (!gl->clients)
        gl->clients = calloc(1, sizeof *gl->clients);
    if (!gl->clients)
        abort();
    return &gl->clients->slots[hash & (CLIENTS - 1)];
}

static enum rc read_client(struct store_reader *reader, const struct uuid *client_id,
                           struct client **out)
{
    struct client *c = calloc(1, sizeof *c);
    enum rc rc;

    if (!c)
        abort();
    c->refs = 1;
    arena_init(&c->arena);
    rc = store_application(reader, APPLICATION_BY_CLIENT_ID,
                           str_of(client_id->octets, sizeof client_id->octets), &c->arena, &c->row);
    if (!rc)
        rc = app_document_read(c->row.document, &c->arena, &c->document);
    if (rc) {
        client_unref(c);
        return rc;
    }
    *out = c;
    return RC_OK;
}

static struct client *client_ref(struct client *c)
{
    c->refs++;
    return c;
}

enum rc gate_client(struct gate_loop *gl, const struct uuid *client_id, struct client **out)
{
    struct kept_client *k = slot_of(gl, client_id);
    uint64_t version = grants_version(gl->gate->grants);
    enum rc rc;

    if (k->client && k->version == version && gate_healthy(gl->gate) &&
        uuid_eq(&k->client->row.client_id, client_id)) {
        *out = client_ref(k->client);
        return RC_OK;
    }
    rc = read_client(gl->reader, client_id, out);
    if (!rc && (*out)->arena.total <= CLIENT_MAX) {
        client_unref(k->client);
        *k = (struct kept_client){client_ref(*out), version};
    }
    return rc;
}

void client_unref(struct client *c)
{
    if (!c || --c->refs)
        return;
    arena_clear(&c->arena);
    free(c);
}

void clients_free(struct clients *k)
{
    for (size_t i = 0; k && i < CLIENTS; i++)
        client_unref(k->slots[i].client);
    free(k);
}
