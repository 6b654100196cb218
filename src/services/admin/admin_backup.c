/* A copy of the store as a stream. The copy is made whole in a file first, which loses its name at
 * once: whatever happens afterwards leaves nothing behind. Files are touched on the pool only. */
#include "services/admin/admin.h"
#include "services/answer.h"
#include "services/site.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#define PIECE_MAX (64 * KIB)

/* Outlives no request, but its memory is the heap's: the arena is for small things. */
struct backup {
    struct request *req;
    char *path;
    int fd;
    bool failed;
    size_t len; /* of the piece read last */
    char piece[PIECE_MAX];
};

static void backup_free(struct backup *b)
{
    if (b->fd >= 0)
        (void)close(b->fd); /* it was only read */
    free(b->path);
    free(b);
}

static void end(struct backup *b, bool ok)
{
    struct request *req = b->req;

    backup_free(b);
    req->ops->stream_end(req, ok);
}

static void read_piece(void *ctx)
{
    struct backup *b = ctx;
    ssize_t got;

    do
        got = read(b->fd, b->piece, sizeof b->piece);
    while (got < 0 && errno == EINTR);
    b->failed = got < 0;
    b->len = got > 0 ? (size_t)got : 0;
}

static void on_piece(void *ctx)
{
    struct backup *b = ctx;

    if (b->failed || b->req->gone)
        end(b, false);
    else if (b->len == 0)
        end(b, true);
    else
        b->req->ops->stream_piece(b->req, str_of(b->piece, b->len));
}

static void on_more(void *ctx)
{
    struct backup *b = ctx;

    if (b->req->gone)
        end(b, false);
    else
        loop_work(b->req->loop, read_piece, on_piece, b);
}

static void open_copy(void *ctx)
{
    struct backup *b = ctx;

    b->fd = open(b->path, O_RDONLY | O_CLOEXEC);
    if (unlink(b->path) || b->fd < 0)
        b->failed = true;
}

static void on_opened(void *ctx)
{
    struct backup *b = ctx;
    struct request *req = b->req;

    if (b->failed) {
        backup_free(b);
        answer_error(req, &API_UNAVAILABLE);
        return;
    }
    req->reply.status = 200;
    req->reply.content_type = STR("application/octet-stream");
    req->reply.stream = true;
    req->reply.processed = true;
    req->ops->stream_begin(req, on_more, b);
}

static void on_copied(void *ctx, enum rc rc)
{
    struct backup *b = ctx;
    struct request *req = b->req;

    if (rc) {
        backup_free(b);
        answer_rc(req, rc);
        return;
    }
    loop_work(req->loop, open_copy, on_opened, b);
}

void admin_backup(struct request *req)
{
    struct str dir = req->site->options->backup_dir;
    struct backup *b = calloc(1, sizeof *b);
    struct uuid id = uuid_random();
    char name[UUID_TEXT_LEN];

    uuid_format(&id, name);
    if (!b ||
        asprintf(&b->path, STR_FMT "/backup-%.*s.tmp", STR_ARG(dir), (int)sizeof name, name) < 0)
        abort();
    b->req = req;
    b->fd = -1;
    request_hold(req);
    store_backup(req->site->store, req->loop, b->path, on_copied, b);
}
