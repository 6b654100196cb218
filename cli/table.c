/* Aligned columns. A character counts as one cell wide: ids, names and times have no others. */
#include "cli/table.h"

#define GAP 2

static struct str shown(struct str cell)
{
    return cell.len > 0 ? cell : STR("-");
}

static size_t width_of(struct str s)
{
    size_t width = 0;

    for (size_t i = 0; i < s.len; width++) {
        size_t step = str_utf8_char(str_from_index(s, i));

        i += step ? step : 1;
    }
    return width;
}

void table_clean(struct str s, struct buf *out)
{
    for (size_t i = 0; i < s.len;) {
        struct str rest = str_from_index(s, i);
        size_t step = str_utf8_char(rest);
        unsigned char c = (unsigned char)rest.ptr[0];
        bool c1 = step == 2 && c == 0xc2 && (unsigned char)rest.ptr[1] < 0xa0;

        if (step == 0 || c < 0x20 || c == 0x7f || c1)
            buf_add_char(out, '?');
        else
            buf_add(out, str_head(rest, step));
        i += step ? step : 1;
    }
}

void table_init(struct table *t, struct arena *arena, const char *const *titles, size_t columns)
{
    *t = (struct table){.arena = arena, .titles = titles, .columns = columns};
}

void table_row(struct table *t, const struct str *cells)
{
    if (t->rows == t->room) {
        size_t room = t->room ? t->room * 2 : 16;
        struct str *grown = arena_array(t->arena, struct str, room * t->columns);

        if (t->rows > 0)
            memcpy(grown, t->cells, t->rows * t->columns * sizeof *grown);
        t->cells = grown;
        t->room = room;
    }
    memcpy(t->cells + t->rows * t->columns, cells, t->columns * sizeof *cells);
    t->rows++;
}

static void write_line(const struct table *t, const struct str *cells, const size_t *widths,
                       struct buf *out)
{
    for (size_t c = 0; c < t->columns; c++) {
        table_clean(shown(cells[c]), out);
        if (c + 1 == t->columns)
            break;
        for (size_t w = width_of(shown(cells[c])); w < widths[c] + GAP; w++)
            buf_add_char(out, ' ');
    }
    buf_add_char(out, '\n');
}

void table_write(const struct table *t, struct buf *out)
{
    size_t *widths = arena_array(t->arena, size_t, t->columns);
    struct str *titles = arena_array(t->arena, struct str, t->columns);

    for (size_t c = 0; c < t->columns; c++) {
        titles[c] = str_from(t->titles ? t->titles[c] : NULL);
        widths[c] = width_of(titles[c]);
        for (size_t r = 0; r < t->rows; r++) {
            size_t width = width_of(shown(t->cells[r * t->columns + c]));

            widths[c] = width > widths[c] ? width : widths[c];
        }
    }
    if (t->titles)
        write_line(t, titles, widths, out);
    for (size_t r = 0; r < t->rows; r++)
        write_line(t, t->cells + r * t->columns, widths, out);
}
