/* From results and error bodies to struct cg_error. Source: wire/authentication §2.5, §5.1;
 * wire/sms §2.6; wire/chat §2.1. */
#include "client/failure.h"

#include "base/json.h"

const char *cg_status_text(enum cg_status status)
{
    switch (status) {
    case CG_OK:
        return "done";
    case CG_INVALID:
        return "invalid argument";
    case CG_DENIED:
        return "denied";
    case CG_FORBIDDEN:
        return "forbidden";
    case CG_NOT_FOUND:
        return "not found";
    case CG_CONFLICT:
        return "conflict";
    case CG_BUSY:
        return "server busy";
    case CG_REFUSED:
        return "refused";
    case CG_SERVER_FAILED:
        return "server failed";
    case CG_NETWORK:
        return "no answer";
    case CG_PROTOCOL:
        return "answer not understood";
    case CG_NOMEM:
        return "out of memory";
    case CG_LOCAL:
        return "local trouble";
    }
    return "unknown status";
}

void text_store(char *out, size_t cap, struct str text)
{
    size_t n = 0;

    while (n < text.len) {
        size_t step = str_utf8_char(str_from_index(text, n));

        step = step ? step : 1;
        if (n + step >= cap)
            break;
        for (size_t i = 0; i < step; i++) {
            unsigned char c = (unsigned char)text.ptr[n + i];

            out[n + i] = (char)(c < 0x20 || c == 0x7f ? '?' : c);
        }
        n += step;
    }
    out[n] = '\0';
}

enum cg_status failure(struct cg_error *err, enum cg_status status, struct str message)
{
    if (err) {
        *err = (struct cg_error){.status = status};
        text_store(err->message, sizeof err->message, message);
    }
    return status;
}

enum cg_status failure_missing(struct cg_error *err)
{
    return failure(err, CG_INVALID, STR("an argument is missing"));
}

enum cg_status failure_of_http(int http_status)
{
    switch (http_status) {
    case 401:
        return CG_DENIED;
    case 403:
        return CG_FORBIDDEN;
    case 404:
        return CG_NOT_FOUND;
    case 409:
    case 412:
        return CG_CONFLICT;
    case 429:
    case 503:
        return CG_BUSY;
    default:
        if (http_status < 400)
            return CG_PROTOCOL;
        return http_status < 500 ? CG_REFUSED : CG_SERVER_FAILED;
    }
}

static struct str text_member(const json_t *obj, const char *name)
{
    struct str text = STR_EMPTY;

    return json_get_str(obj, name, &text) ? STR_EMPTY : text;
}

/* {"From":["…"]}: the first member that has a list of texts. */
static void first_of_members(const json_t *members, struct str *out_code, struct str *out_message)
{
    const char *name = NULL;
    json_t *texts = NULL;

    /* jansson's iteration wants a non-const object but changes nothing */
    json_object_foreach((json_t *)(uintptr_t)members, name, texts)
    {
        const json_t *text = json_array_get(texts, 0);

        if (!json_is_string(text))
            continue;
        *out_code = str_from(name);
        *out_message = str_of(json_string_value(text), json_string_length(text));
        return;
    }
}

/* The forms of refusals that the SMS service has besides: problem details, and bare members. */
static void read_members(const json_t *root, struct str *out_code, struct str *out_message)
{
    const json_t *errors = json_object_get(root, "errors");

    *out_message = text_member(root, "title");
    first_of_members(json_is_object(errors) ? errors : root, out_code, out_message);
}

/* The object that holds code and message; chat in the cloud has two names for it more. NULL: none.
 */
static const json_t *error_object(const json_t *root)
{
    static const char *const names[] = {"error", "communicationError", "CommunicationError"};

    for (size_t i = 0; i < ARRAY_LEN(names); i++)
        if (json_is_object(json_object_get(root, names[i])))
            return json_object_get(root, names[i]);
    return NULL;
}

/* Either spelling of a member. */
static struct str either(const json_t *obj, const char *lower, const char *upper)
{
    struct str text = text_member(obj, lower);

    return text.len ? text : text_member(obj, upper);
}

void failure_read_body(struct cg_error *err, struct str body)
{
    struct str code = STR_EMPTY, message = STR_EMPTY;
    const json_t *inner = NULL;
    json_t *root = NULL;

    if (body.len == 0 || json_read(body, &root, NULL))
        return;
    inner = error_object(root);
    if (inner) {
        code = either(inner, "code", "Code");
        message = either(inner, "message", "Message");
    } else if (json_object_get(root, "error")) {
        code = text_member(root, "error");
        message = text_member(root, "error_description");
    } else {
        read_members(root, &code, &message);
    }
    if (code.len > 0)
        text_store(err->code, sizeof err->code, code);
    if (message.len > 0)
        text_store(err->message, sizeof err->message, message);
    json_decref(root);
}
