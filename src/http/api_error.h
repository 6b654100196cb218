/* One row per error of the contract, and the only bridge from `enum rc`. */
#ifndef HTTP_API_ERROR_H
#define HTTP_API_ERROR_H

#include "base/str.h"

struct api_error {
    int status;
    struct str code, text;
};

#define X(name, status, code, text) extern const struct api_error API_##name;
#include "http/api_error.def"
#undef X

/** The error that a result of the rooms below means; NULL for RC_OK. */
const struct api_error *api_error_from_rc(enum rc rc);

#endif
