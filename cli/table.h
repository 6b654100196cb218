/* Aligned columns for people. */
#ifndef CLI_TABLE_H
#define CLI_TABLE_H

#include "base/arena.h"
#include "base/buf.h"

/** Rows of text cells. Cells are borrowed until table_write(). */
struct table {
    struct arena *arena;
    const char *const *titles; /* NULL: no title line */
    size_t columns;
    struct str *cells;
    size_t rows, room;
};

void table_init(struct table *t, struct arena *arena, const char *const *titles, size_t columns);
/** Appends one row of t->columns cells. */
void table_row(struct table *t, const struct str *cells);
/** Writes it: columns two blanks apart, no blanks at line ends, an empty cell as "-", control
 * characters and broken UTF-8 as '?'. */
void table_write(const struct table *t, struct buf *out);
/** Appends a text fit for a terminal: control characters and broken UTF-8 as '?'. */
void table_clean(struct str s, struct buf *out);

#endif
