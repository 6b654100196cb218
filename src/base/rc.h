/* The internal vocabulary of results. HTTP statuses exist from `gate` upwards (http/api_error.h).
 */
#ifndef BASE_RC_H
#define BASE_RC_H

#define NODISCARD              __attribute__((warn_unused_result))
#define PRINTF_LIKE(fmt, args) __attribute__((format(printf, fmt, args)))
#define AUTO(clean)            __attribute__((cleanup(clean)))

/* Around code in which gcc's analyzer takes an owner that it lost sight of for a leak. The reason
 * stands beside each use; ASan's leak check watches the same code in every test. */
#if defined(__GNUC__) && !defined(__clang__) && __GNUC__ >= 10
#define NO_LEAK_BEGIN                                                                              \
    _Pragma("GCC diagnostic push") _Pragma("GCC diagnostic ignored \"-Wanalyzer-malloc-leak\"")
#define NO_LEAK_END _Pragma("GCC diagnostic pop")
#else
#define NO_LEAK_BEGIN
#define NO_LEAK_END
#endif

enum rc {
    RC_OK = 0,
    RC_INVALID,   /* malformed, out of range */
    RC_NOT_FOUND, /* no such thing, or it is deleted */
    RC_CONFLICT,  /* exists already, or a precondition does not hold */
    RC_TOO_LARGE, /* over a stated limit */
    RC_BUSY,      /* try again: overload, shutting down */
    RC_FULL,      /* no space left on the device */
    RC_DENIED,    /* a check failed: signature, seal, permission */
    RC_IO,        /* the device or the peer failed */
    RC_INTERNAL,  /* our bug, or a library failed where it can't */
};

/** A stable lower-case word for logs: "ok", "invalid", … Never NULL. */
const char *rc_name(enum rc rc);
/** The system's words for an errno value: for messages to the operator. Never NULL; borrowed until
 * the next call on this thread. */
const char *os_error_text(int error);

#endif
