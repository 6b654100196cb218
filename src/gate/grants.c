/* Who may do what where. Each principal has one block of its own: its state, and a hash table of
 * the scopes that it has roles at, with the actions of each scope added up beforehand. Blocks are
 * built beside the lock and swapped under it, so a look-up waits for one swap at most. What a role
 * allows is roles.c's business; how tokens name principals, the schemes'. Source:
 * wire/managed-identity §3.4, §8. */
#include "gate/grants.h"

#include "base/map.h"
#include "base/mutex.h"

#include <stdatomic.h>

#define LEVELS_MAX (SCOPE_DEPTH_MAX + 1) /* "/" too */

/* A scope of a principal, and what it may do there. */
struct place {
    uint64_t hash, actions;
    const char *text;
    uint32_t text_len;
    uint32_t roles_at, roles_n; /* in holder.roles */
};

/* One allocation with all that it points to. */
struct holder {
    struct uuid id;
    enum application_kind kind;
    bool disabled;
    unix_ms revoked_before;
    uint32_t places_n, roles_n;
    uint32_t slots_mask; /* slots: a power of two, more than places */
    struct place *places;
    struct uuid *roles; /* oldest assignment first within a place */
    uint32_t *slots;    /* 0: free; else 1 + index in places */
};

/* Custom roles, compiled. Immutable once built. */
struct role_set {
    struct arena arena;
    struct map by_id;   /* 16 octets → struct role * */
    struct map by_name; /* lower case → struct role * */
};

struct table {
    struct map holders; /* 16 octets → struct holder * */
    size_t assignments;
    struct role_set *roles;
};

/* Apart, so that look-ups in a const struct grants can lock. */
struct guard {
    pthread_mutex_t table;   /* the table */
    pthread_mutex_t writing; /* from reading the store to the swap: later reads win */
};

struct grants {
    struct guard *guard;
    struct table table;
    _Atomic uint64_t version;
};

static struct str key_of(const struct uuid *id)
{
    return str_of(id, sizeof *id);
}

/* ---- roles ---- */

static void role_set_free(struct role_set *set)
{
    if (!set)
        return;
    map_clear(&set->by_id);
    map_clear(&set->by_name);
    arena_clear(&set->arena);
    free(set);
}

static struct role_set *role_set_new(void)
{
    struct role_set *set = calloc(1, sizeof *set);

    if (!set)
        abort();
    arena_init(&set->arena);
    map_init(&set->by_id);
    map_init(&set->by_name);
    return set;
}

/* What can't be read grants nothing. */
static void compile(struct role_set *set, struct str document, struct role *role)
{
    struct str description = STR_EMPTY, why;
    struct arena scratch;
    json_t *doc = NULL;

    if (json_read(document, &doc, NULL))
        return;
    arena_init(&scratch);
    if (role_actions_read(doc, &role->actions, &scratch, &why))
        role->actions = 0;
    if (json_get_str(doc, "description", &description) == RC_OK)
        role->description = arena_dup(&set->arena, description);
    arena_clear(&scratch);
    json_decref(doc);
}

static void take_role(void *ctx, const struct role_row *row)
{
    struct role_set *set = ctx;
    struct role *role = arena_new(&set->arena, struct role);

    role->id = row->id;
    role->name = arena_dup(&set->arena, row->name);
    compile(set, row->document, role);
    (void)map_put(&set->by_id, key_of(&role->id), role); /* ids and names are unique */
    (void)map_put(&set->by_name, arena_lower(&set->arena, role->name), role);
}

static const struct role *role_by_id(const struct role_set *set, const struct uuid *id)
{
    const struct role *built_in = built_in_role_by_id(id);

    return built_in ? built_in : map_get(&set->by_id, key_of(id));
}

/* ---- building ---- */

/* One role assignment while the store is read; texts in the scratch arena. */
struct given {
    struct given *next; /* the one after it in the store's order */
    struct str scope;
    struct uuid role;
    size_t order;
};

struct draft {
    struct draft *next;
    struct holder head; /* its state; what it points to comes last */
    struct given *first, **last;
    size_t n;
};

struct reading {
    struct arena arena;
    struct map by_principal; /* 16 octets → struct draft * */
    struct draft *drafts;
};

static void reading_init(struct reading *r)
{
    *r = (struct reading){0};
    arena_init(&r->arena);
    map_init(&r->by_principal);
}

static void reading_clear(struct reading *r)
{
    map_clear(&r->by_principal);
    arena_clear(&r->arena);
}

static void take_application(void *ctx, const struct application_row *row)
{
    struct reading *r = ctx;
    struct draft *d = arena_new(&r->arena, struct draft);

    d->head.id = row->object_id;
    d->head.kind = row->kind;
    d->head.disabled = row->disabled;
    d->head.revoked_before = row->revoked_before;
    d->last = &d->first;
    d->next = r->drafts;
    r->drafts = d;
    (void)map_put(&r->by_principal, key_of(&d->head.id), d); /* object ids are unique */
}

static void take_assignment(void *ctx, const struct role_assignment_row *row)
{
    struct reading *r = ctx;
    struct draft *d = map_get(&r->by_principal, key_of(&row->principal));
    struct given *given;

    if (!d || row->scope.len > SCOPE_MAX)
        return; /* nobody's, or never looked up */
    given = arena_new(&r->arena, struct given);
    given->scope = row->scope;
    given->role = row->role;
    given->order = d->n++;
    *d->last = given;
    d->last = &given->next;
}

static int by_scope_then_age(const void *left, const void *right)
{
    const struct given *a = *(const struct given *const *)left;
    const struct given *b = *(const struct given *const *)right;
    int order = name_cmp(a->scope, b->scope);

    return order ? order : (a->order > b->order) - (a->order < b->order);
}

/* The assignments of `d`, those of one scope beside each other. */
static struct given **sorted(const struct draft *d, struct arena *arena)
{
    struct given **all = arena_array(arena, struct given *, d->n + 1);
    size_t n = 0;

    for (struct given *at = d->first; at; at = at->next)
        all[n++] = at;
    if (n)
        qsort(all, n, sizeof(struct given *), by_scope_then_age);
    return all;
}

static bool begins_scope(struct given *const *all, size_t i)
{
    return i == 0 || !name_eq(all[i - 1]->scope, all[i]->scope);
}

/* The empty block for `d`: one allocation, cut up. */
static struct holder *holder_alloc(const struct draft *d, struct given *const *all, char **out_text)
{
    size_t places = 0, text = 0, slots = 2;
    struct holder *h;

    for (size_t i = 0; i < d->n; i++) {
        if (!begins_scope(all, i))
            continue;
        places++;
        text += all[i]->scope.len;
    }
    while (slots < places + places / 2)
        slots *= 2;
    if (d->n > UINT32_MAX / 4)
        abort();
    h = calloc(1, sizeof *h + places * sizeof *h->places + d->n * sizeof *h->roles +
                      slots * sizeof *h->slots + text);
    if (!h)
        abort();
    *h = d->head;
    h->slots_mask = (uint32_t)slots - 1;
    h->places = (struct place *)(void *)(h + 1);
    h->roles = (struct uuid *)(void *)(h->places + places);
    h->slots = (uint32_t *)(void *)(h->roles + d->n);
    *out_text = (char *)(h->slots + slots);
    return h;
}

static void place_add(struct holder *h, struct str scope, char **text)
{
    struct place *p = &h->places[h->places_n++];
    uint32_t at;

    p->hash = hash_keyed(scope.ptr, scope.len);
    p->text = *text;
    p->text_len = (uint32_t)scope.len;
    p->roles_at = h->roles_n;
    if (scope.len)
        memcpy(*text, scope.ptr, scope.len);
    *text += scope.len;
    for (at = (uint32_t)p->hash & h->slots_mask; h->slots[at]; at = (at + 1) & h->slots_mask)
        ;
    h->slots[at] = h->places_n;
}

static struct holder *holder_build(const struct draft *d, const struct role_set *roles,
                                   struct arena *arena)
{
    struct given **all = sorted(d, arena);
    char *text;
    struct holder *h = holder_alloc(d, all, &text);

    for (size_t i = 0; i < d->n; i++) {
        const struct role *role = role_by_id(roles, &all[i]->role);

        if (begins_scope(all, i))
            place_add(h, all[i]->scope, &text);
        h->places[h->places_n - 1].actions |= role ? role->actions : 0;
        h->places[h->places_n - 1].roles_n++;
        h->roles[h->roles_n++] = all[i]->role;
    }
    return h;
}

static void table_clear(struct table *t)
{
    size_t at = 0;
    struct str key;
    void *holder;

    while (map_next(&t->holders, &at, &key, &holder))
        free(holder);
    map_clear(&t->holders);
    role_set_free(t->roles);
}

static enum rc read_all(struct reading *r, struct role_set *roles, struct store_reader *reader)
{
    enum rc rc = store_each_role(reader, &r->arena, take_role, roles);

    if (!rc)
        rc = store_each_application(reader, &r->arena, take_application, r);
    if (!rc)
        rc = store_each_role_assignment(reader, NULL, &r->arena, take_assignment, r);
    return rc;
}

struct grants *grants_new(void)
{
    struct grants *g = calloc(1, sizeof *g);
    struct guard *guard = calloc(1, sizeof *guard);

    if (!g || !guard || pthread_mutex_init(&guard->table, NULL) ||
        pthread_mutex_init(&guard->writing, NULL))
        abort();
    g->guard = guard;
    map_init(&g->table.holders);
    g->table.roles = role_set_new();
    atomic_init(&g->version, 1);
    return g;
}

void grants_free(struct grants *g)
{
    if (!g)
        return;
    table_clear(&g->table);
    (void)pthread_mutex_destroy(&g->guard->table); /* nobody holds them any more */
    (void)pthread_mutex_destroy(&g->guard->writing);
    free(g->guard);
    free(g);
}

enum rc grants_load(struct grants *g, struct store_reader *reader)
{
    struct table next = {.roles = role_set_new()};
    struct reading r;
    enum rc rc;

    reading_init(&r);
    map_init(&next.holders);
    mutex_lock(&g->guard->writing);
    rc = read_all(&r, next.roles, reader);
    if (!rc) {
        for (struct draft *d = r.drafts; d; d = d->next) {
            struct holder *h = holder_build(d, next.roles, &r.arena);

            next.assignments += h->roles_n;
            (void)map_put(&next.holders, key_of(&h->id), h); /* one draft each */
        }
        mutex_lock(&g->guard->table);
        struct table former = g->table;
        g->table = next;
        mutex_unlock(&g->guard->table);
        next = former;
        (void)atomic_fetch_add(&g->version, 1);
    }
    mutex_unlock(&g->guard->writing);
    table_clear(&next); /* the former one; on failure the new one */
    reading_clear(&r);
    return rc;
}

/* Puts `next` (NULL: nobody) in the place of what is kept of `principal`; returns that. */
static struct holder *swap(struct grants *g, const struct uuid *principal, struct holder *next)
{
    struct holder *former;

    mutex_lock(&g->guard->table);
    former = next ? map_put(&g->table.holders, key_of(&next->id), next)
                  : map_remove(&g->table.holders, key_of(principal));
    g->table.assignments += next ? next->roles_n : 0;
    g->table.assignments -= former ? former->roles_n : 0;
    mutex_unlock(&g->guard->table);
    (void)atomic_fetch_add(&g->version, 1);
    return former;
}

enum rc grants_take(struct grants *g, struct store_reader *reader, const struct uuid *principal)
{
    struct application_row row;
    struct reading r;
    enum rc rc;

    reading_init(&r);
    mutex_lock(&g->guard->writing);
    rc = store_application(reader, APPLICATION_BY_OBJECT_ID, key_of(principal), &r.arena, &row);
    if (!rc) {
        take_application(&r, &row);
        rc = store_each_role_assignment(reader, principal, &r.arena, take_assignment, &r);
    } else if (rc == RC_NOT_FOUND) {
        rc = RC_OK;
    }
    if (!rc) {
        /* roles are swapped under `writing` only */
        free(
            swap(g, principal, r.drafts ? holder_build(r.drafts, g->table.roles, &r.arena) : NULL));
    }
    mutex_unlock(&g->guard->writing);
    reading_clear(&r);
    return rc;
}

uint64_t grants_version(const struct grants *g)
{
    return atomic_load(&g->version);
}

size_t grants_count(const struct grants *g)
{
    size_t n;

    mutex_lock(&g->guard->table);
    n = g->table.assignments;
    mutex_unlock(&g->guard->table);
    return n;
}

/* ---- looking up ---- */

struct level {
    struct str scope;
    uint64_t hash;
};

/* The scope and all above it, hashed; 0 for what is no scope. */
static size_t climb(struct str scope, struct level out[static LEVELS_MAX])
{
    size_t n = 0;

    if (scope.len == 0 || scope.len > SCOPE_MAX || scope.ptr[0] != '/')
        return 0;
    do {
        if (n == LEVELS_MAX)
            return 0;
        out[n++] = (struct level){scope, hash_keyed(scope.ptr, scope.len)};
    } while (scope_parent(scope, &scope));
    return n;
}

static const struct place *place_at(const struct holder *h, const struct level *level)
{
    for (uint32_t at = (uint32_t)level->hash & h->slots_mask; h->slots[at];
         at = (at + 1) & h->slots_mask) {
        const struct place *p = &h->places[h->slots[at] - 1];

        if (p->hash == level->hash && name_eq(str_of(p->text, p->text_len), level->scope))
            return p;
    }
    return NULL;
}

static void add_role(struct standing *out, const struct uuid *role)
{
    for (size_t i = 0; i < out->roles_count; i++) {
        if (uuid_eq(&out->roles[i], role))
            return;
    }
    if (out->roles_count < STANDING_ROLES_MAX)
        out->roles[out->roles_count++] = *role;
}

static void add_place(struct standing *out, const struct holder *h, const struct place *p)
{
    /* each role once per place, so no more of them than fit are looked at */
    uint32_t n = p->roles_n < STANDING_ROLES_MAX ? p->roles_n : STANDING_ROLES_MAX;

    out->actions |= p->actions;
    for (uint32_t i = 0; i < n; i++)
        add_role(out, &h->roles[p->roles_at + i]);
}

void grants_find(const struct grants *g, const struct uuid *principal, struct str scope,
                 struct standing *out)
{
    struct level levels[LEVELS_MAX];
    size_t n = climb(scope, levels);
    const struct holder *h;

    *out = (struct standing){0};
    mutex_lock(&g->guard->table);
    h = map_get(&g->table.holders, key_of(principal));
    if (h) {
        out->known = true;
        out->disabled = h->disabled;
        out->kind = h->kind;
        out->revoked_before = h->revoked_before;
        for (size_t i = 0; i < n; i++) {
            const struct place *p = place_at(h, &levels[i]);

            if (p)
                add_place(out, h, p);
        }
    }
    mutex_unlock(&g->guard->table);
    if (out->disabled)
        out->actions = 0;
}

/* Built-in ones are static; the texts of others are copied while the lock is held. */
static bool role_copy(const struct role *role, struct arena *arena, struct role *out)
{
    if (!role)
        return false;
    *out = *role;
    if (!role->built_in) {
        out->name = arena_dup(arena, role->name);
        out->description = arena_dup(arena, role->description);
    }
    return true;
}

bool grants_role(const struct grants *g, const struct uuid *id, struct arena *arena,
                 struct role *out)
{
    bool found;

    mutex_lock(&g->guard->table);
    found = role_copy(role_by_id(g->table.roles, id), arena, out);
    mutex_unlock(&g->guard->table);
    return found;
}

bool grants_role_by_name(const struct grants *g, struct str name, struct arena *arena,
                         struct role *out)
{
    const struct role *built_in = built_in_role_by_name(name);
    struct str key = arena_lower(arena, name);
    bool found;

    if (built_in)
        return role_copy(built_in, arena, out);
    mutex_lock(&g->guard->table);
    found = role_copy(map_get(&g->table.roles->by_name, key), arena, out);
    mutex_unlock(&g->guard->table);
    return found;
}

struct str grants_role_name(const struct grants *g, const struct uuid *role, struct arena *arena)
{
    struct role found;
    char *text;

    if (grants_role(g, role, arena, &found))
        return found.name;
    text = arena_alloc(arena, UUID_TEXT_LEN + 1);
    uuid_format(role, text);
    return str_of(text, UUID_TEXT_LEN);
}
