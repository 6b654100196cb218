/* Lines of the log, as log.c writes them out. Pure functions: any thread. */
#ifndef BASE_LOG_LINE_H
#define BASE_LOG_LINE_H

#include "base/buf.h"
#include "base/clock.h"
#include "base/log.h"

/** A record: `fields` is "key=value …" with values quoted by log_quote(). */
struct log_line {
    struct str event, fields;
    enum log_level level;
    unix_ms time;
};

/** "2026-11-23T15:00:00.123Z info  http.request key=value" and a line's end. A control that slipped
 * through unescaped does not end the line or reach the terminal. */
void log_line_text(struct buf *out, const struct log_line *line);
/** One JSON object with the members time, level, event and a member for each field. */
void log_line_json(struct buf *out, const struct log_line *line);

#endif
