/* Structured log: an event and fields, no sentences. One line each on stderr: text on a
 * terminal, JSON otherwise. Loops format into their own buffer; one thread writes them out every
 * 100 ms or 64 KiB. Full means dropped and counted, never waiting. */
#ifndef BASE_LOG_H
#define BASE_LOG_H

#include "base/str.h"

enum log_level { LOG_ERROR = 1, LOG_WARN, LOG_INFO, LOG_DEBUG };
enum log_format { LOG_FORMAT_AUTO = 0, LOG_FORMAT_TEXT, LOG_FORMAT_JSON };

struct log;

struct log_options {
    enum log_level level;   /* 0: LOG_INFO */
    enum log_format format; /* AUTO: text when `fd` is a terminal */
    int fd;                 /* 2 in the server; tests use a pipe or file */
};

/** Starts the writer thread. Owned: log_free() flushes what is left, and gives up after some
 * seconds when nobody reads: then `fd` must stay open. Never NULL. */
struct log *log_new(const struct log_options *options);
void log_free(struct log *log);
/** Whether a line of this level would be kept: for callers that would compute fields. */
bool log_enabled(const struct log *log, enum log_level level);
/** Lines dropped since start because the buffer was full; the log says so too ("log.dropped"). */
uint64_t log_dropped(const struct log *log);
/** Blocks until everything logged so far is written. For shutdown and tests. */
void log_flush(struct log *log);

/** `event` is dotted lower case ("http.request"); `fmt` yields "key=value key=value": a value with
 * blanks must be passed through log_quote(). More than 4 KiB is cut. Thread-safe: each thread has a
 * buffer. `log` NULL is allowed and drops the line. */
void log_write(struct log *log, enum log_level level, const char *event, const char *fmt, ...)
    PRINTF_LIKE(4, 5);
#define log_error(log, event, ...) log_write((log), LOG_ERROR, (event), __VA_ARGS__)
#define log_warn(log, event, ...)  log_write((log), LOG_WARN, (event), __VA_ARGS__)
#define log_info(log, event, ...)  log_write((log), LOG_INFO, (event), __VA_ARGS__)
#define log_debug(log, event, ...) log_write((log), LOG_DEBUG, (event), __VA_ARGS__)

/** The fast path for the one line per request: `fields` is "key=value …" formatted by hand, values
 * already escaped by log_quote(). */
void log_write_raw(struct log *log, enum log_level level, const char *event, struct str fields);
/** Writes `text` as "…" with controls, quotes, backslashes and octets >= 0x7F escaped; cut to
 * `max` octets of input. Returns the number of characters written to `out` (cap octets, no NUL). */
size_t log_quote(char *out, size_t cap, struct str text, size_t max);

#endif
