/* Counts the instructions that one thread of a server executes outside the kernel for one request,
 * by single steps: exact on machines without performance counters, and with the instructions that
 * the processor really has (an emulator would leave the hash extensions out).
 *
 * Usage: steps PID PORT FILE N. A child sends the request in FILE N times on one connection while
 * the thread is stepped, then 3N times; the difference divided by 2N is printed, so that opening
 * the connection does not count. Repetitions of one string instruction count once. */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

#define REQUEST_MAX 8192
#define ANSWER_MAX  16384

static void die(const char *what)
{
    perror(what);
    exit(1);
}

/* ---- the client ---- */

static int connect_to(int port)
{
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    int fd = socket(AF_INET, SOCK_STREAM, 0), yes = 1;

    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (fd < 0 || connect(fd, (struct sockaddr *)&to, sizeof to) != 0)
        die("connect");
    if (setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes) != 0)
        die("setsockopt");
    return fd;
}

/* Octets of the answer, once its head is there; else 0. */
static size_t answer_length(const char *answer, size_t have)
{
    const char *end = memmem(answer, have, "\r\n\r\n", 4);
    const char *length = memmem(answer, have, "\r\nContent-Length: ", 18);

    if (!end || !length)
        return 0;
    return (size_t)(end - answer) + 4 + strtoul(length + 18, NULL, 10);
}

static void read_answer(int fd)
{
    char answer[ANSWER_MAX];
    size_t have = 0, len = 0;

    while (len == 0 || have < len) {
        ssize_t n = read(fd, answer + have, sizeof answer - have);
        if (n <= 0)
            die("answer");
        have += (size_t)n;
        len = answer_length(answer, have);
    }
    if (memcmp(answer + 9, "20", 2) != 0) {
        (void)fprintf(stderr, "steps: unexpected answer: %.*s\n", (int)have, answer);
        exit(1);
    }
}

static void client(int port, const char *request, size_t len, unsigned n)
{
    int fd = connect_to(port);

    for (unsigned i = 0; i < n; i++) {
        if (write(fd, request, len) != (ssize_t)len)
            die("request");
        read_answer(fd);
    }
    _exit(0);
}

/* ---- the tracer ---- */

static void attach(pid_t tid)
{
    if (ptrace(PTRACE_SEIZE, tid, NULL, NULL) != 0 ||
        ptrace(PTRACE_INTERRUPT, tid, NULL, NULL) != 0)
        die("attach");
    if (waitpid(tid, NULL, __WALL) != tid)
        die("waitpid");
}

static uint64_t instruction_at(pid_t tid)
{
    errno = 0;
    return (uint64_t)ptrace(PTRACE_PEEKUSER, tid, (void *)offsetof(struct user_regs_struct, rip),
                            NULL);
}

/* Lets the thread go on by itself. It may be waiting in the kernel. */
static void let_go(pid_t tid)
{
    if (ptrace(PTRACE_INTERRUPT, tid, NULL, NULL) != 0 || waitpid(tid, NULL, __WALL) != tid)
        die("interrupt");
    if (ptrace(PTRACE_DETACH, tid, NULL, NULL) != 0)
        die("detach");
}

/* Steps the thread until the child has ended. */
static uint64_t step_while(pid_t tid, pid_t child)
{
    uint64_t steps = 0, last = 0, at;
    int status;

    for (;;) {
        pid_t who;

        if (ptrace(PTRACE_SINGLESTEP, tid, NULL, NULL) != 0)
            die("step");
        who = waitpid(-1, &status, __WALL);
        if (who == child) {
            if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
                exit(1);
            return steps;
        }
        if (who != tid || !WIFSTOPPED(status))
            die("waitpid");
        at = instruction_at(tid);
        if (at != last)
            steps++;
        last = at;
    }
}

static uint64_t count(pid_t tid, int port, const char *request, size_t len, unsigned n)
{
    uint64_t steps;
    pid_t child;

    attach(tid);
    child = fork();
    if (child < 0)
        die("fork");
    if (child == 0)
        client(port, request, len, n);
    steps = step_while(tid, child);
    let_go(tid);
    return steps;
}

int main(int argc, char **argv)
{
    char request[REQUEST_MAX];
    FILE *file = argc == 5 ? fopen(argv[3], "rb") : NULL;
    size_t len;

    if (!file) {
        (void)fprintf(stderr, "usage: steps PID PORT FILE N\n");
        return 2;
    }
    pid_t tid = (pid_t)strtol(argv[1], NULL, 10);
    int port = (int)strtol(argv[2], NULL, 10);
    unsigned n = (unsigned)strtoul(argv[4], NULL, 10);
    len = fread(request, 1, sizeof request, file);
    (void)fclose(file);
    uint64_t once = count(tid, port, request, len, n);
    uint64_t thrice = count(tid, port, request, len, 3 * n);
    printf("%.1f\n", (double)(thrice - once) / (2.0 * n));
    return 0;
}
