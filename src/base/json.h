/* JSON in and out. Reading: jansson under our limits (duplicates refused, depth <= 32, integers
 * within int64, \u0000 allowed, well-formed UTF-8). Writing: straight into a buffer. */
#ifndef BASE_JSON_H
#define BASE_JSON_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/uuid.h"

#include <jansson.h>

#define JSON_DEPTH_MAX 32

/** Parses one JSON text; trailing octets are refused. *out is owned: json_decref(). On failure
 * `out_why` (may be NULL) gets a short borrowed reason, a static text without input in it. */
enum rc json_read(struct str text, json_t **out, const char **out_why) NODISCARD;
void json_freep(json_t **j);
/** The compact text of any value, in the arena; no copy of it stays elsewhere. `flags`: jansson's,
 * besides. */
struct str json_text(const json_t *value, size_t flags, struct arena *arena) NODISCARD;
/** From now on jansson wipes what it frees: passwords and keys come in bodies. Before anything is
 * read; for a whole process, hence for programs, not for libraries. */
void json_wipe_freed(void);
/** A string member as a slice into `obj`; RC_NOT_FOUND: absent or null, RC_INVALID: no string. */
enum rc json_get_str(const json_t *obj, const char *name, struct str *out) NODISCARD;
/** An integer member: any number with an integral value in range; same results. */
enum rc json_get_int(const json_t *obj, const char *name, int64_t *out) NODISCARD;
enum rc json_get_bool(const json_t *obj, const char *name, bool *out) NODISCARD;
/** The text of a top-level member's value as written in `text` (already known to parse). */
enum rc json_raw_member(struct str text, struct str name, struct str *out) NODISCARD;

/** JSON_FIELD_WORD: a string; of an integer its digits, for what may be a number by chance (a login
 * typed on a command line). */
enum json_field_type {
    JSON_FIELD_STR = 1,
    JSON_FIELD_WORD,
    JSON_FIELD_INT,
    JSON_FIELD_BOOL,
    JSON_FIELD_STR_LIST
};
/** One row of a body's table; `offset` is where the value lies in the struct that is filled:
 * struct str (STR and WORD), int64_t, bool or struct json_str_list. For strings min and max are
 * octets, for lists items, for integers the range (both 0: no limit; max < min: no upper one).
 * Absent and null leave it as it was. */
/* NOLINTNEXTLINE(clang-analyzer-optin.performance.Padding): in the order that tables are read in */
struct json_field {
    const char *name;
    enum json_field_type type;
    size_t offset;
    int64_t min, max;
    bool required;
};
struct json_str_list {
    struct str *items; /* in the arena given to json_fill() */
    size_t n;
    bool present; /* told apart: absent or null, and [] */
};
/** What went wrong in json_fill(): borrowed names and static texts. */
struct json_problem {
    struct str field;   /* of the offending member; empty: the body itself */
    const char *reason; /* "is required", "must be a string", … */
    struct str nearest; /* of an unknown member: the known one that it resembles; or empty */
};
/** Fills `into` from the object `obj` by `fields` (ended by {0}). Strings are copied to `arena`.
 * `strict`: an unknown member is RC_CONFLICT, its name in `problem`. Else RC_INVALID or RC_OK. */
enum rc json_fill(const json_t *obj, const struct json_field *fields, bool strict, void *into,
                  struct arena *arena, struct json_problem *problem) NODISCARD;

/** Writes JSON in the order of the calls; commas and quotes are its business. Failures stay in
 * the buffer (buf.failed). */
struct json_writer {
    struct buf *out;
    bool comma;
};
void json_writer_init(struct json_writer *w, struct buf *out);
void json_object_begin(struct json_writer *w);
void json_object_end(struct json_writer *w);
void json_array_begin(struct json_writer *w);
void json_array_end(struct json_writer *w);
void json_name(struct json_writer *w, const char *name);
void json_str(struct json_writer *w, struct str value);
void json_int(struct json_writer *w, int64_t value);
void json_bool(struct json_writer *w, bool value);
void json_null_value(struct json_writer *w);
/** A value that is JSON text already. */
void json_raw(struct json_writer *w, struct str value);
/** json_name() and json_str() in one; and so on. */
void json_member_str(struct json_writer *w, const char *name, struct str value);
void json_member_id(struct json_writer *w, const char *name, const struct uuid *id);
void json_member_int(struct json_writer *w, const char *name, int64_t value);
void json_member_bool(struct json_writer *w, const char *name, bool value);
/** Milliseconds as an RFC 3339 string; `t` 0 writes null. */
void json_member_time(struct json_writer *w, const char *name, int64_t t);
/** True when nothing in `text` needs an escape; sometimes says no without need (DEL, non-ASCII). */
bool json_is_plain(struct str text) NODISCARD;
/** `text` with JSON string escapes, without quotes. Invalid UTF-8 becomes U+FFFD. */
void json_escape(struct buf *out, struct str text);

#endif
