/* The command line: what a command gets, and what it may end with. */
#ifndef CLI_CLI_H
#define CLI_CLI_H

#include "base/arena.h"
#include "cli/commands.h"
#include "cli/options.h"

#include <stdio.h>

/** How the program ends. Documented in `callgate help`. */
enum exit_code {
    EXIT_DONE = 0,
    EXIT_REFUSED = 1,   /* the server refused or failed; a check said no */
    EXIT_USAGE = 2,     /* the command line is wrong */
    EXIT_NO_SERVER = 3, /* no server was reached */
    EXIT_NOT_FOUND = 4, /* what was named does not exist */
    EXIT_LOCAL = 5,     /* a file, memory, a permission on this machine */
};

/** One run of one command. */
struct cli {
    const struct command *command;
    struct args args;
    struct arena arena; /* dies with the command, wiped */
    FILE *out, *err;
    bool json; /* --json: for programs */
};

/** Runs the program; returns its exit code. `extra` are further rows of the command table; all
 * borrowed. */
int cli_main(int argc, char **argv, const struct command *extra, size_t n_extra);
/** Prints "callgate: <text>" (or with --json {"error":{"message"}}) to stderr; returns `code`. */
enum exit_code cli_fail(struct cli *cli, enum exit_code code, const char *fmt, ...)
    PRINTF_LIKE(3, 4);
/** `code`, or that what stands on stdout could not be written, which it says on stderr. For rows
 * with arguments of their own, at their end. */
int cli_written(int code);
/** The help page of a command: usage, what it does, options. For rows with arguments of their
 * own, too. */
void cli_print_help(const struct command *command, FILE *out);

#endif
