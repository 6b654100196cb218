/* The settings file: what it sets lies within the table, and the same texts as flags set the same.
 */
#include "fuzz.h"

#include "app/settings.h"

static void check_value(const struct setting_row *row, const struct setting_value *v)
{
    bool counted = row->type == TYPE_INT || row->type == TYPE_DURATION || row->type == TYPE_SIZE;

    CHECK(v->source == FROM_FILE || v->source == FROM_DEFAULT);
    CHECK(!counted || (v->number >= row->min && v->number <= row->max));
    CHECK(row->type != TYPE_BOOL || v->number == 0 || v->number == 1);
    CHECK(row->type != TYPE_LIST || v->count <= (size_t)row->max);
    for (size_t i = 0; i < v->count; i++)
        CHECK(v->items[i].len && v->items[i].ptr[v->items[i].len] == '\0');
}

/* --auth-clock-skew=300s */
static char *flag_of(const struct setting_row *row, const struct setting_value *v,
                     struct arena *arena)
{
    size_t len = 2 + row->name.len + 1 + v->text.len;
    char *flag = arena_alloc(arena, len + 1), *name = flag + 2;

    flag[0] = flag[1] = '-';
    memcpy(name, row->name.ptr, row->name.len);
    for (size_t i = 0; i < row->name.len; i++)
        if (name[i] == '.' || name[i] == '_')
            name[i] = '-';
    name[row->name.len] = '=';
    if (v->text.len)
        memcpy(name + row->name.len + 1, v->text.ptr, v->text.len);
    return flag;
}

static void check_same(const struct settings *s, const struct settings *flagged,
                       const struct setting_row *rows, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        const struct setting_value *from_file = &s->values[i], *from_flag = &flagged->values[i];

        if (from_flag->source != FROM_FLAG)
            continue;
        CHECK(from_flag->number == from_file->number);
        CHECK(str_eq(from_flag->text, from_file->text));
        CHECK(setting(flagged, rows[i].name.ptr) == from_flag);
    }
}

static void check_settings(const struct settings *s)
{
    size_t n;
    int argc = 0;
    const struct setting_row *rows = settings_table(&n);
    struct settings flagged;
    struct buf why;

    settings_init(&flagged);
    char **argv = arena_array(&flagged.arena, char *, n + 1);
    for (size_t i = 0; i < n; i++) {
        check_value(&rows[i], &s->values[i]);
        if (s->values[i].source == FROM_FILE && rows[i].type != TYPE_LIST)
            argv[argc++] = flag_of(&rows[i], &s->values[i], &flagged.arena);
    }
    buf_init(&why, 4 * KIB);
    CHECK(settings_read_flags(&flagged, argc, argv, &why) == RC_OK && why.len == 0);
    check_same(s, &flagged, rows, n);
    buf_clear(&why);
    settings_clear(&flagged);
}

static void check_written(const struct settings *s)
{
    struct json_writer w;
    json_t *json = NULL;
    struct buf out;

    buf_init(&out, MIB);
    json_writer_init(&w, &out);
    settings_write_json(s, &w);
    CHECK(!out.failed && json_read(buf_str(&out), &json, NULL) == RC_OK);
    json_freep(&json);
    buf_clear(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct settings s;
    struct buf why;

    settings_init(&s);
    buf_init(&why, 64 * KIB);
    if (settings_read_ini(&s, str_of(data, size), STR("callgate.ini"), &why)) {
        CHECK(why.len > 0);
    } else {
        CHECK(why.len == 0);
        check_settings(&s);
    }
    check_written(&s);
    buf_clear(&why);
    settings_clear(&s);
    return 0;
}
