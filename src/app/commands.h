/* The commands that are not a client's: rows that main.c adds to the command table. `argv` starts
 * behind the command's words. Each returns the exit code. */
#ifndef APP_COMMANDS_H
#define APP_COMMANDS_H

int app_serve(int argc, char **argv);
int app_config(int argc, char **argv);
int app_restore(int argc, char **argv);
/** Every row of the route tables as JSON. */
int app_routes(int argc, char **argv);

#endif
