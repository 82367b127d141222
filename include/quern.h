/* Quern: a stream-processing engine whose state is a transactional SQL database.
 *
 * The engine owns no loop. It is asynchronous: requests are submitted, replies come to a function, and
 * quern_run does the work in between, on the caller's thread, whenever quern_descriptor is readable.
 * One handle is one engine; a process may have several. Unless said otherwise a function that is given an engine, a session
 * or a statement may be called only from the thread that calls quern_run, and not from inside a reply function's call
 * except where noted. Functions on buffers and messages may be called from any thread.
 * doc/embedding.md is the manual.
 *
 * Requests and replies are messages of PostgreSQL's frontend/backend protocol 3 (manual, chapter 55), without the
 * start-up: Query, Parse, Bind, Describe, Execute, Close, Flush, Sync, CopyData, CopyDone, CopyFail on the way in;
 * RowDescription, DataRow, CommandComplete, ErrorResponse, ReadyForQuery and the others on the way out.
 * The quern_add_* functions write requests; quern_next_message reads replies.
 * Programs that would rather not see messages prepare statements and execute them with typed values: see Statements.
 */
#ifndef QUERN_H
#define QUERN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define QUERN_ABI 6
#define QUERN_API __attribute__((visibility("default")))

struct quern;         /* an engine */
struct quern_session; /* one client's conversation with it */

/* What a failed call says. status: -1 mend the input, -2 run the transaction again, -3 a bound was met,
 * -4 give up and reopen. sqlstate is PostgreSQL's; texts that do not fit are cut. */
struct quern_error {
  int status;
  char sqlstate[6];
  char message[512];
  char detail[512];
  char hint[256];
  int32_t position; /* of what is wrong in the statement's text, in characters from 1; 0: unknown */
};

/* --- The engine ---------------------------------------------------------------------------------- */

/* What makes the engine quicker and nothing else. Each can be left out, to measure what it is worth: replies are the same. */
enum quern_optimization {
  QUERN_PLAN_CACHE = 1,    /* plans of texts that were seen before */
  QUERN_LITERALS = 2,      /* one plan for texts that differ in their literals only */
  QUERN_GROUP_COMMIT = 4,  /* one fdatasync for all atoms that wait; without it each has its own */
  QUERN_PIPELINING = 8,    /* without it a session's next request begins when the last one's reply may leave */
  QUERN_SHORT_PATH = 16    /* a row by its key without iterators, and executions that end within the call */
};

struct quern_options {
  uint32_t abi;                 /* QUERN_ABI */
  const char *data_directory;   /* made if it is missing; NULL: in memory, nothing is kept */
  uint64_t memory_limit;        /* bytes for the whole engine; 0: no bound */
  uint64_t statement_memory;    /* bytes for one statement; 0: 256 MiB */
  uint64_t temporary_limit;     /* bytes of temporary files, of all statements together; 0: 64 GiB */
  const char *temporary_directory; /* for rows that a statement's memory does not hold; NULL: the data directory, without one
                                      $TMPDIR or /tmp */
  uint64_t snapshot_memory;     /* bytes that open transactions and long reads may hold back; 0: 1 GiB */
  uint64_t checkpoint_bytes;    /* log bytes after which a checkpoint is taken (or the last one's size, if larger); 0: 256 MiB */
  unsigned workers;             /* threads for long reads; 0: 2 */
  const char *backup_directory; /* where SELECT quern_backup('name') writes; NULL: nowhere */
  bool must_exist;              /* the data directory: an error if it is missing */
  bool without_sync;            /* for measuring: leaves out fdatasync; a power cut then loses acknowledged work */
  unsigned without;             /* for measuring: optimizations that are left out, QUERN_PLAN_CACHE | … */
  /* Lines for the operator (start, recovery, checkpoints, trouble). May be NULL. Called from any thread. */
  void (*log)(void *context, const char *line);
  void *log_context;
};

/* Opens the engine and recovers what the directory holds. 0, or a negative status with *error. */
QUERN_API int quern_open(const struct quern_options *options, struct quern **engine, struct quern_error *error);
/* Ends all sessions, whose reply functions and receivers are told nothing more, takes a checkpoint if there is a directory,
 * closes the sources, frees everything. Not from inside a reply function. */
QUERN_API void quern_close(struct quern *engine);
/* Writes a backup, as of now, to a directory that is made, or is empty: a data directory that can be opened, or copied.
 * Takes as long as it takes. 0, or a negative status with *error. Needs a data directory no more than quern_open does. */
QUERN_API int quern_backup(struct quern *engine, const char *directory, struct quern_error *error);
/* Looks at every checksum, tree and table of a data directory that nobody uses, and changes nothing. report is told line by
 * line; may be NULL. Any thread. 0: all is well; otherwise a negative status with *error. */
QUERN_API int quern_check(const char *directory, void (*report)(void *context, const char *line), void *context,
                          struct quern_error *error);
/* Readable when the engine's threads or clocks have something for quern_run. What the caller hands over himself (requests,
 * executions, sessions opened and closed) does not make it readable: call quern_run after that. Belongs to the engine. */
QUERN_API int quern_descriptor(const struct quern *engine);
/* Does what is to be done, at most about `budget` units (requests, batches of rows); calls reply functions.
 * 1: there is more to do at once; 0: wait for the descriptor; negative: the engine has failed (see quern_failure).
 * The first one starts sources; call it before waiting. */
QUERN_API int quern_run(struct quern *engine, int budget);
/* Blocks until the descriptor is readable (1), or for timeout_ms (-1: for ever) or until a signal comes (0). For programs
 * without a loop of their own. */
QUERN_API int quern_wait(struct quern *engine, int timeout_ms);
/* Why quern_run failed; NULL: it did not. */
QUERN_API const struct quern_error *quern_failure(const struct quern *engine);

/* --- Sessions ------------------------------------------------------------------------------------ */

/* size bytes of whole reply messages, borrowed for the call. They are durable: what they say is on the disk.
 * size 0: the conversation is over (an error that ends it, or Terminate); the session is to be closed.
 * The function may submit, hold and close; it must not call quern_run. */
typedef void (*quern_reply)(void *context, const uint8_t *messages, size_t size);

struct quern_session_options {
  const char *user;             /* NULL: "quern". A role's rights hold; those of the first superuser for a name that is none's */
  const char *database;         /* NULL: the user's name */
  const char *application_name; /* may be NULL */
  const char *options;          /* settings as the start-up message has them: name, 0, value, 0, …, 0; may be NULL */
  quern_reply reply;            /* NULL: the session is for statements (below), and takes no messages */
  void *context;
  uint32_t role;                /* of quern_role_find, for edges that let clients in; 0: as the user's name says */
};
/* The first replies are ParameterStatus, BackendKeyData and ReadyForQuery. NULL: out of memory or over the limit. */
QUERN_API struct quern_session *quern_session_open(struct quern *engine, const struct quern_session_options *options,
                                                   struct quern_error *error);
/* Undoes what is not committed. No reply comes afterwards, and no receiver is told; the session and its statements must not be
 * used any more. */
QUERN_API void quern_session_close(struct quern_session *session);
/* Hands over whole request messages (copied). Messages up to a Sync that are submitted together, or that stand
 * complete when their Sync comes, run as one atom. -1: they are not whole messages; -3: too much is waiting. */
QUERN_API int quern_submit(struct quern_session *session, const uint8_t *messages, size_t size);
/* While held, a session that produces a long result pauses: for clients that read slower than it comes. */
QUERN_API void quern_session_hold(struct quern_session *session, bool hold);
/* Cancels what the session with this key is doing (BackendKeyData). Silent when there is none. */
QUERN_API void quern_cancel(struct quern *engine, int32_t backend, int32_t secret);

/* --- Roles: for edges that let clients in ---------------------------------------------------------- */

struct quern_role {
  uint32_t id;          /* for quern_session_options */
  char name[64];
  bool may_log_in, is_superuser;
  int64_t valid_until;  /* of its password: microseconds since 2000-01-01 UTC; INT64_MAX: for ever */
  char verifier[512];   /* of its password: SCRAM-SHA-256$iterations:salt$StoredKey:ServerKey; "": it has none */
};
/* name NULL: the first superuser, whatever its name is. False: there is no such role. */
QUERN_API bool quern_role_find(struct quern *engine, const char *name, struct quern_role *role);
/* Is the role the one of this name, or a member of it, directly or through others? */
QUERN_API bool quern_role_is_member(struct quern *engine, uint32_t role, const char *of);

/* --- Statements: typed values in, typed rows out ---------------------------------------------------
 *
 * For sessions that were opened without a reply function. Each execution is a transaction of its own, unless one is
 * open: BEGIN, COMMIT and ROLLBACK are statements like any other. Executions of a session end in the order in which
 * they were begun. A short one (a row by its key) ends within quern_statement_execute where nothing stands before it
 * and it need not wait for the disk; any other ends in some later quern_run.
 */

enum quern_kind {
  QUERN_NULL,
  QUERN_BOOLEAN,   /* boolean: 0 or 1 in `integer` */
  QUERN_INTEGER,   /* int2, int4, int8 */
  QUERN_FLOAT,     /* float4, float8 */
  QUERN_TIMESTAMP, /* timestamp, timestamptz: microseconds since 2000-01-01 UTC; INT64_MIN, INT64_MAX: infinite */
  QUERN_TEXT       /* text, varchar, char; numeric as its digits; and all other types (date, jsonb, uuid, bytea, …) in
                      PostgreSQL's text form */
};
struct quern_value {
  enum quern_kind kind;
  uint32_t size; /* bytes of text */
  union {
    int64_t integer;
    double number;
    const char *text; /* UTF-8; not ended by a zero */
  };
};

struct quern_result {
  const struct quern_error *error; /* NULL: done, and durable unless a transaction is open */
  uint64_t row_count;              /* rows given, or changed */
};
/* Both may begin and close statements and close the session; they must not call quern_run. All is borrowed for the call,
 * and values until another execution begins. Rows that were given before an error count for nothing. */
struct quern_receiver {
  void (*row)(void *context, const struct quern_value *values, int count); /* NULL: rows are not wanted */
  void (*done)(void *context, const struct quern_result *result);          /* once for each execution, unless the session is closed; may be NULL */
  void *context;
};

struct quern_statement;
/* One statement; $1, $2, … are its parameters, whose types are found from their use. The text is copied and looked at
 * with the first execution, which tells what is wrong with it. The statement stays good when definitions change. It
 * belongs to the session, and is gone with quern_session_close. NULL: out of memory, or the session takes messages. */
QUERN_API struct quern_statement *quern_statement_prepare(struct quern_session *session, const char *text);
/* Begins an execution; values are borrowed for the call. A text is read as a value of any type, and any value as
 * a text or numeric; other kinds must fit. 1: it has ended, and the receiver knows; 0: it is under way; negative: it
 * was not begun (-1: the session is over and is to be closed, -3: too much is waiting). COPY FROM STDIN ends it. */
QUERN_API int quern_statement_execute(struct quern_statement *statement, const struct quern_value *values, int count,
                                      const struct quern_receiver *receiver);
/* Executions under way end as usual. */
QUERN_API void quern_statement_close(struct quern_statement *statement);

/* --- Writing requests ---------------------------------------------------------------------------- */

struct quern_buffer {
  uint8_t *data; /* by malloc; free with quern_buffer_free */
  size_t size, capacity;
  bool failed;   /* out of memory: takes no more */
};
/* Bytes as they are. */
QUERN_API void quern_buffer_append(struct quern_buffer *buffer, const void *data, size_t size);
QUERN_API void quern_buffer_free(struct quern_buffer *buffer);
QUERN_API void quern_add_query(struct quern_buffer *buffer, const char *text);
/* parameter types as PostgreSQL's object ids; 0 or count 0: found from their use. */
QUERN_API void quern_add_parse(struct quern_buffer *buffer, const char *statement, const char *text, const uint32_t *types, int count);
struct quern_parameter {
  const void *data; /* NULL: NULL */
  int32_t size;
  bool is_binary;   /* PostgreSQL's binary form; otherwise text */
};
/* Binds the unnamed portal to a statement; results come as text or binary. */
QUERN_API void quern_add_bind(struct quern_buffer *buffer, const char *statement, const struct quern_parameter *parameters,
                              int count, bool binary_results);
/* Runs the unnamed portal to its end. */
QUERN_API void quern_add_execute(struct quern_buffer *buffer);
QUERN_API void quern_add_sync(struct quern_buffer *buffer);

/* --- Reading replies ------------------------------------------------------------------------------ */

struct quern_message {
  char type;           /* 'T' columns, 'D' row, 'C' complete, 'E' error, 'Z' ready, … */
  const uint8_t *body;
  uint32_t size;
};
/* Takes the first message off (*messages, *size). False: none is left. */
QUERN_API bool quern_next_message(const uint8_t **messages, size_t *size, struct quern_message *message);
/* Field `column` (from 0) of a 'D' message: its size, -1 for NULL, -2 when there is no such field. */
QUERN_API int32_t quern_row_field(const struct quern_message *row, int column, const uint8_t **data);
/* A field of an 'E' or 'N' message: 'S' severity, 'C' SQLSTATE, 'M' message, 'D' detail, 'H' hint, 'P' position. NULL: not there. */
QUERN_API const char *quern_error_field(const struct quern_message *message, char field);

/* --- Connectors: where streams enter -------------------------------------------------------------- */

struct quern_column {
  const char *name;
  uint32_t type; /* PostgreSQL's object id */
};
struct quern_option {
  const char *name, *value;
};
struct quern_source_info { /* of a source, or of a sink: then its columns are what its SELECT gives */
  const char *kind; /* "source" or "sink" */
  const char *name;
  const struct quern_column *columns;
  int column_count;
  const struct quern_option *options;
  int option_count;
  void *context; /* the connector's */
};

/* What a poll hands over: one atom. rows: row after row, a 16-bit column count and for each column a 32-bit length (-1: NULL)
 * and its bytes, all big-endian: quern_add_row and quern_add_field write them. position: opaque bytes that reopen the source
 * behind these rows; committed with them, so a poll without rows leaves none.
 * A row of QUERN_BAD_ROW is none: two columns that say what is wrong and what stood there, for quern.source_errors. */
#define QUERN_BAD_ROW 0xffff
struct quern_batch {
  struct quern_buffer rows;
  int row_count;
  bool is_binary; /* PostgreSQL's binary forms; otherwise text */
  bool is_json;   /* each row is one column, a JSON object with the columns by their names; what is missing is NULL */
  uint8_t position[256];
  uint32_t position_size;
  int64_t lag;    /* rows or bytes that wait at the origin, as far as the connector knows; -1: unknown */
  int64_t now_us; /* in: monotonic time, microseconds */
};

/* Writing rows: the row's begin, then each of its fields (size -1: NULL). */
QUERN_API void quern_add_row(struct quern_buffer *buffer, int column_count);
QUERN_API void quern_add_field(struct quern_buffer *buffer, const void *data, int32_t size);

/* A connector makes rows when it is polled. One thread of the engine's opens, polls and closes all sources: what blocks there
 * keeps the other sources waiting, not the loop. While quern_close runs, close is called from its thread. */
struct quern_connector {
  const char *name; /* WITH (connector = 'name') */
  void *context;    /* handed to check and open */
  /* Checks columns and options when the source is created, on the loop. Must be quick and touch nothing. 0 or -1 with *error.
   * NULL: anything goes. */
  int (*check)(const struct quern_source_info *info, struct quern_error *error);
  /* NULL with *error. position: where the committed rows end; size 0: the beginning. info is borrowed for the call. */
  void *(*open)(const struct quern_source_info *info, const uint8_t *position, size_t size, struct quern_error *error);
  /* Fills the batch, which comes empty, with what there is, at most about max_rows. Returns how many microseconds to wait before
   * the next poll (0: at once), or -1 when the source has ended: it is not polled again before it is opened again. */
  int64_t (*poll)(void *source, struct quern_batch *batch, int max_rows);
  void (*close)(void *source);
};
/* At first an engine knows the connector `push` alone: rows come by INSERT and COPY. Sources of unknown connectors stay closed
 * until theirs is added. The connector is borrowed for the engine's life. -1: the name is taken; -3: there are 64 already. */
QUERN_API int quern_connector_add(struct quern *engine, const struct quern_connector *connector);

/* --- Sinks: where rows leave ------------------------------------------------------------------------
 *
 * The rows that a sink's SELECT gives wait in its outbox until they are durable there; then the sink's connector is given
 * them, batch by batch. When it says that a batch is durable at its end, at a position, the rows leave the outbox and the
 * position is noted, in one atom. After a crash it is opened at the position that was noted last, and given all rows
 * behind it again: what it has written beyond that position it must take back, or know.
 */

/* rows: as of struct quern_batch, the columns as text. Borrowed for the call. */
struct quern_delivery {
  const uint8_t *rows;
  size_t size;
  int row_count;
};
struct quern_position {
  uint8_t data[256];
  uint32_t size;
};
/* All calls of a sink come from one thread of the engine's. What goes wrong is told by *error: status -2 or -3, it is tried
 * again every second (a full disk); otherwise the sink has failed, and is opened again when it is altered or the engine
 * starts. */
struct quern_sink_connector {
  const char *name; /* WITH (connector = 'name') */
  void *context;    /* handed to check and open */
  /* Checks columns and options when the sink is created. Must be quick and touch nothing. 0 or -1 with *error. */
  int (*check)(const struct quern_source_info *info, struct quern_error *error);
  /* NULL with *error. position: in, where the acknowledged rows end, size 0: it is opened for the first time; out,
   * where it is open now. What stands behind it there is taken back. */
  void *(*open)(const struct quern_source_info *info, struct quern_position *position, struct quern_error *error);
  /* Writes the rows. They need not be durable yet. 0 or -1 with *error: then none of them counts. */
  int (*deliver)(void *sink, const struct quern_delivery *delivery, struct quern_error *error);
  /* Makes what was delivered durable and gives the position behind it. 0 or -1 with *error. */
  int (*sync)(void *sink, struct quern_position *position, struct quern_error *error);
  void (*close)(void *sink);
};
/* Sinks of unknown connectors wait until theirs is added. Borrowed for the engine's life. -1: the name is taken (a source's
 * connector may have the same). */
QUERN_API int quern_sink_connector_add(struct quern *engine, const struct quern_sink_connector *connector);

#ifdef __cplusplus
}
#endif
#endif
