/* The table of the realtime channel, and what of it is answered at once: where it is, that it is
 * there, and registrations, which are hints that nobody needs: a connected client gets its events.
 * Source: wire/trouter §1, §2, §5. */
#include "services/chat/trouter_private.h"

#include "services/answer.h"

const struct service trouter_service = {
    .name = STR_INIT("trouter"),
    .unauthorized = &API_CHAT_UNAUTHORIZED,
    .forbidden = &API_CHAT_FORBIDDEN,
    .challenge = STR_INIT("Bearer"),
    .error_shape = ERROR_SHAPE_CHAT,
    .exposes_all = true,
};
static const struct api ANY = {&trouter_service, 0, 0};

#define TOKEN               (ACCEPT_USER | ACCEPT_SKYPETOKEN)
#define TOKEN_OR_PARAMETERS (TOKEN | ACCEPT_QUERY)
#define SMALL               KIB
#define BODY                (16 * KIB)

static void config(struct request *req);
static void check(struct request *req);
static void health(struct request *req);
static void registration(struct request *req);
static void registration_end(struct request *req);

/* clang-format off */
const struct route trouter_routes[] = {
    {GET,    "/chat/config/realTimeNotifications",    &ANY, ACCEPT_USER,   NEED_CHAT,    SMALL, config,             PLANE_WIRE, KIND_REPLY},
    {GET,    "/",                                     &ANY, ACCEPT_NOBODY, NEED_NOTHING, SMALL, check,              PLANE_WIRE, KIND_REPLY},
    {GET,    "/v4/h",                                 &ANY, ACCEPT_NOBODY, NEED_NOTHING, SMALL, health,             PLANE_WIRE, KIND_REPLY},
    {POST,   "/v4/a",                                 &ANY, TOKEN,         NEED_CHAT,    SMALL, trouter_allocate,   PLANE_WIRE, KIND_REPLY, .media = MEDIA_ANY},
    {GET,    "/socket.io/1",                          &ANY, TOKEN_OR_PARAMETERS, NEED_CHAT,    SMALL, trouter_handshake,  PLANE_WIRE, KIND_REPLY},
    {GET,    "/socket.io/1/websocket/{sid}",          &ANY, ACCEPT_PATH,   NEED_NOTHING, SMALL, trouter_websocket,  PLANE_WIRE, KIND_UPGRADE},
    {GET,    "/socket.io/1/xhr-polling/{sid}",        &ANY, ACCEPT_PATH,   NEED_NOTHING, SMALL, trouter_poll_get,   PLANE_WIRE, KIND_POLL},
    {POST,   "/socket.io/1/xhr-polling/{sid}",        &ANY, ACCEPT_PATH,   NEED_NOTHING, TROUTER_MESSAGE_MAX, trouter_poll_post, PLANE_WIRE, KIND_POLL, .media = MEDIA_ANY},
    {POST,   "/registrar/prod/v3/registrations",      &ANY, TOKEN,         NEED_CHAT,    BODY,  registration,       PLANE_WIRE, KIND_REPLY},
    {POST,   "/registrar/prod/v3/registrations/{id}", &ANY, TOKEN,         NEED_CHAT,    BODY,  registration,       PLANE_WIRE, KIND_REPLY},
    {DELETE, "/registrar/prod/v3/registrations",      &ANY, TOKEN,         NEED_CHAT,    BODY,  registration_end,   PLANE_WIRE, KIND_REPLY},
    {DELETE, "/registrar/prod/v3/registrations/{id}", &ANY, TOKEN,         NEED_CHAT,    BODY,  registration_end,   PLANE_WIRE, KIND_REPLY},
    {0},
};
/* clang-format on */

/* GET /chat/config/realTimeNotifications: both hosts are the one that was asked, so that one
 * certificate and one set of CORS rules do. Source: wire/trouter §2. */
static void config(struct request *req)
{
    struct str origin = request_origin(req);
    struct json_writer w;
    struct buf out = answer_buf(req, KIB + 12 * origin.len);

    json_writer_init(&w, &out);
    json_object_begin(&w);
    json_member_str(&w, "trouterServiceUrl", origin);
    json_member_str(&w, "registrarServiceUrl",
                    arena_printf(req->arena, STR_FMT "/registrar/prod", STR_ARG(origin)));
    json_member_str(&w, "cloudType", STR("public"));
    json_object_end(&w);
    answer_json(req, 200, &out);
}

/* GET /?check=…: the client asks so after repeated failures. Source: wire/trouter §3. */
static void check(struct request *req)
{
    if (request_query(req, "check").ptr)
        reply_text(req, 200, STR("text/plain; charset=utf-8"), STR("Trouter"));
    else
        reply_error(req, &API_NOT_FOUND);
}

static void health(struct request *req)
{
    reply_text(req, 200, STR("text/plain; charset=utf-8"), STR("OK"));
}

/* POST …/registrations: a hint, which is read and forgotten. Source: wire/trouter §5. */
static void registration(struct request *req)
{
    AUTO(json_freep) json_t *body = NULL;
    const char *why = NULL;

    if (json_read(req->body, &body, &why) || !json_is_object(body)) {
        req->explain = str_from(why ? why : "the registration is no JSON object");
        reply_error(req, &API_BAD_REQUEST);
        return;
    }
    answer_empty(req, 202);
}

static void registration_end(struct request *req)
{
    answer_empty(req, 202);
}
