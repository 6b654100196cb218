/* The vectors of wire/authentication §1.5 that a client which signs what it sends produces. */
#ifndef TESTS_CLIENT_VECTORS_H
#define TESTS_CLIENT_VECTORS_H

#define KEY_1                                                                                      \
    "Q2FsbGdhdGUtZmFrZS10ZXN0LWtleS0wMTIzNDU2Nzg5LW5vdC1hLXNlY3JldC0wMTIzNDU2Nzg5LUFCQ0RFRg=="
#define KEY_2                                                                                      \
    "Q2FsbGdhdGUtZmFrZS1zZWNvbmQta2V5LTAxMjM0NTY3ODktbm90LWEtc2VjcmV0LTAxMjM0NS1BQkNERUZHSA=="
#define VECTOR_TIME_MS ((int64_t)1795446000000) /* Mon, 23 Nov 2026 15:00:00 GMT */
#define USER           "8%3Aacs%3A00000000-0000-0000-0000-000000000001_0000000a-0000-0000-0000-000000000002"

#endif
