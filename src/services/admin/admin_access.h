/* What the routes of applications, identities, roles and trusted issuers share: principals shown
 * and changed, lists from the store, log lines. Source: wire/managed-identity §8. */
#ifndef SERVICES_ADMIN_ACCESS_H
#define SERVICES_ADMIN_ACCESS_H

#include "services/admin/admin.h"
#include "services/applications.h"
#include "services/body.h"
#include "services/list.h"

/** Room for one answer; a list has its own. */
#define ACCESS_TEXT_MAX (256 * KIB)
#define KIND_BIT(kind)  (1U << (kind))
#define KINDS_ALL                                                                                  \
    (KIND_BIT(APPLICATION_APP) | KIND_BIT(APPLICATION_MANAGED) | KIND_BIT(APPLICATION_FOREIGN))

/** An application with its document read; everything in the request's arena. */
struct app_view {
    struct application_row row;
    struct app_document doc;
};

/** The 36 characters of an id, in the request's arena. */
struct str uuid_text(struct request *req, const struct uuid *id);
/** "app", "managed", "foreign". */
struct str application_kind_name(enum application_kind kind);
/** The application that `text` (of the path) means, of one of `kinds` (KIND_BIT); on false it has
 * been answered: 404, or 409 for another kind. */
bool app_view_of(struct request *req, struct str text, unsigned kinds,
                 struct app_view *out) NODISCARD;
/** The application as JSON, without any secret. */
void app_write(struct request *req, const struct app_view *app, struct json_writer *w);
void app_answer(struct request *req, int status, const struct app_view *app);
/** The names of the roles that a principal has at `scope`, as an array. */
void roles_write(struct request *req, const struct uuid *principal, struct str scope,
                 struct json_writer *w);
/** The scope of the default resource, in the request's arena. */
struct str default_scope(struct request *req);
/** Logs at info who changed what: "request=… by=… <what>=<id>". Nothing secret may be in `id`. */
void access_log(struct request *req, const char *event, const char *what, struct str id);
/** False and a refusal with target `target`, for readers of bodies. */
bool access_refuse(struct refusal *why, const struct api_error *error, struct str message,
                   const char *target);

/* ---- changes of one application ---- */

struct app_change;
typedef void (*app_answer_fn)(struct app_change *c);
/** A change of the application in the path, under way; in the request's arena. */
struct app_change {
    struct request *req;
    struct app_view app;
    app_answer_fn answer; /* after it is durable */
    const char *event;    /* for the log */
    struct str id, value; /* of the credential concerned; the value is shown once */
    struct changes changes;
};
/** Reads the path's application; NULL: answered. */
struct app_change *app_change_begin(struct request *req, unsigned kinds) NODISCARD;
/** Commits c->app; a conflict is answered 409. */
void app_change_commit(struct app_change *c, app_answer_fn answer, const char *event);
/** Tokens that were issued until now are dead from now on: for changes of credentials. */
void app_revoke_tokens(struct app_change *c);
/** For app_change_commit(): 200 with the application, or 204. */
void app_answer_changed(struct app_change *c);
void app_answer_gone(struct app_change *c);

/* ---- new principals ---- */

/** What POST says about a role. */
struct role_wish {
    struct str text; /* member "role"; ptr NULL: absent, null or "none" */
    bool given;      /* there was a member "role" */
};
/** Reads a body as body_fill() does and fills `wish` from its member "role". */
bool body_fill_role(struct request *req, const struct json_field *fields, void *into,
                    struct role_wish *wish, struct refusal *why) NODISCARD;
/** Writes the new principal with the role it is to have on the default resource, and answers 201.
 * The first of its kind in development gets one without being asked. */
void principal_create(struct request *req, const struct application_row *row,
                      const struct role_wish *wish);

/* ---- lists ---- */

/** Writes item `i` of the page. */
typedef void (*access_write_fn)(struct request *req, const struct access_page *page, size_t i,
                                struct json_writer *w);
/** Answers with a list: limit, since, wait and paging as everywhere. */
void access_list(struct request *req, const struct access_query *query, access_write_fn write);

#endif
