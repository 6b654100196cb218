/* Forms: whatever was read is well-formed, found by its name, and reads the same when written
 * again. */
#include "fuzz.h"

#include "services/form.h"

#define OUT_MAX MIB

static void add_encoded(struct buf *out, struct str text)
{
    for (size_t i = 0; i < text.len; i++) {
        char escape[3] = {'%'};

        if (text.ptr[i] == ' ') {
            buf_add_char(out, '+');
            continue;
        }
        hex_encode((const uint8_t *)text.ptr + i, 1, escape + 1);
        buf_add(out, str_of(escape, sizeof escape));
    }
}

static void check_fields(const struct form *form)
{
    CHECK(form->n <= FORM_FIELDS_MAX);
    for (size_t i = 0; i < form->n; i++) {
        const struct form_field *f = &form->fields[i];

        CHECK(f->name.len > 0 && str_find(f->name, '\0') == f->name.len);
        CHECK(f->value.ptr && str_find(f->value, '\0') == f->value.len);
        CHECK(str_is_utf8(f->name) && str_is_utf8(f->value));
        for (size_t other = 0; other < i; other++)
            CHECK(!str_eq(f->name, form->fields[other].name));
    }
}

static void check_again(struct request *req, const struct form *form)
{
    struct refusal why = {0};
    struct form again;
    struct buf out;

    buf_init(&out, OUT_MAX);
    for (size_t i = 0; i < form->n; i++) {
        add_encoded(&out, form->fields[i].name);
        buf_add_char(&out, '=');
        add_encoded(&out, form->fields[i].value);
        buf_add_char(&out, '&');
    }
    CHECK(!out.failed);
    req->body = buf_str(&out);
    CHECK(form_read(req, &again, &why) && again.n == form->n);
    for (size_t i = 0; i < form->n; i++) {
        struct str name = arena_dup(req->arena, form->fields[i].name);

        CHECK(str_eq(form_get(&again, name.ptr), form->fields[i].value));
    }
    buf_clear(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct refusal why = {0};
    struct request req = {.body = str_of(data, size)};
    struct arena arena;
    struct form form;

    arena_init(&arena);
    req.arena = &arena;
    if (form_read(&req, &form, &why)) {
        check_fields(&form);
        CHECK(!form_get(&form, "").ptr);
        check_again(&req, &form);
    } else {
        CHECK(why.error == &API_BAD_REQUEST && why.message.len > 0);
    }
    arena_clear(&arena);
    return 0;
}
