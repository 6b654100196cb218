/* Where the server is and as whom we call it. */
#ifndef CLI_SERVER_FIND_H
#define CLI_SERVER_FIND_H

#include "callgate/client.h"
#include "cli/cli.h"

/** What the running server wrote into DIR/server.json. Texts NUL-terminated, in the arena; empty
 * when absent. */
struct server_info {
    struct str data_dir, version, mode;
    struct str domain;     /* a named resource answers to NAME.domain */
    struct str public_url; /* where clients find the default resource, when that is said */
    struct str https_address, http_address;
    struct str imds_host;                      /* of the identity endpoint, for a URL */
    uint16_t https_port, http_port, imds_port; /* 0: no such listener */
    struct str admin_socket, admin_token_file;
    struct str ca_file, ca_bundle, trust_store; /* empty: the system's roots are to judge */
    struct str trust_store_password;
};

/** Options by which a command of that reach finds its server; NULL for REACH_NONE. */
const struct option *server_options(enum command_reach reach);
/** The data directory: `given`, else $CALLGATE_DATA, else $XDG_STATE_HOME/callgate, else
 * ~/.local/state/callgate. RC_NOT_FOUND: none of them, and no home. */
enum rc server_data_dir(const char *given, struct buf *out) NODISCARD;
/** Reads server.json of the data directory; says what is wrong. */
enum exit_code server_info_read(struct cli *cli, struct server_info *out) NODISCARD;
/** True when `dir` has a server.json: a server runs there, or did. */
bool server_is_known(struct cli *cli, struct str dir) NODISCARD;
/** The endpoint of a local server for the command's resource, "https://localhost:8443", or its
 * public one when it has an operator's certificate; empty when it has no such listener. In the
 * arena. */
struct str server_endpoint(struct cli *cli, const struct server_info *info, bool tls);
/** A text option that may be written as @FILE (first line of the file) or "env" (the variable
 * `variable`). In the arena. */
enum exit_code text_from(struct cli *cli, const char *given, const char *variable,
                         struct str *out) NODISCARD;
/** The first line of a file, without blanks around it. In the arena, wiped with it. */
enum exit_code line_from_file(struct cli *cli, const char *path, struct str *out) NODISCARD;

/** A connection string that was given by option, or, when no other option says where, stands in
 * the environment while no server runs here; empty otherwise. */
enum exit_code connection_string_find(struct cli *cli, struct str *out) NODISCARD;
/** The client for the command's administration calls. Owned: cg_client_free(). */
enum exit_code client_open(struct cli *cli, struct cg_client **out) NODISCARD;
/** A client of the wire, by access key: the connection string's, else the one that the
 * administrator may reveal. */
enum exit_code wire_client_open(struct cli *cli, struct cg_client **out) NODISCARD;
/** The access key of the resource, revealed to the administrator. In the arena. */
enum exit_code key_reveal(struct cli *cli, struct str *out_key) NODISCARD;
/** A client of `endpoint` with an access key, or without a credential when `access_key` is
 * empty. */
enum exit_code key_client_open(struct cli *cli, struct str endpoint, struct str access_key,
                               struct str ca_file, struct cg_client **out) NODISCARD;
/** A client of `endpoint` with a user's token. */
enum exit_code token_client_open(struct cli *cli, struct str endpoint, struct str token,
                                 struct str ca_file, struct cg_client **out) NODISCARD;
/** Where the wire is: --endpoint, else the server that runs here, whose authority goes to
 * `out_ca_file`. In the arena. */
enum exit_code wire_endpoint(struct cli *cli, struct str *out, struct str *out_ca_file) NODISCARD;
/** The same for somebody who is not the administrator: when no option says where,
 * $CALLGATE_ENDPOINT comes first. */
enum exit_code wire_endpoint_of_user(struct cli *cli, struct str *out,
                                     struct str *out_ca_file) NODISCARD;
/** Which authority to trust: --ca-file, else `own` unless it is empty, else what the environment
 * says; NULL: the system's. */
const char *ca_file_of(const struct cli *cli, struct str own);

#endif
