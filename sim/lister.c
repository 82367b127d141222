// Clients of lists; see lister.h.
//
//              lister_next: BEGIN and all that is sent at once          lister_read: all is answered
//    (none) ---------------------------------------------> under way --------------------------------> (none), a line
//                                                           |     ^                                     of the history
//                                                           +-----+ lister_next, statement by statement
//
// The operations of a statement are written down when it is answered; what it would have written also when it fails, or
// is never answered, so that whoever sees it anyhow is found.
#include "sim/lister.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"

static const char *const lock_texts[] = {
  "", "", "", "", " FOR UPDATE", " FOR UPDATE", " FOR NO KEY UPDATE", " FOR SHARE", " FOR KEY SHARE",
  " FOR UPDATE NOWAIT", " FOR UPDATE SKIP LOCKED",
};
enum { LOCKS = sizeof lock_texts / sizeof lock_texts[0], LOCK_UPDATE = 4, LOCK_SKIP = LOCKS - 1 };

const char *const lister_definitions[] = {
  "CREATE TABLE lists (k int PRIMARY KEY, m int NOT NULL, v text NOT NULL)",
  "CREATE INDEX lists_m ON lists (m)",
  "INSERT INTO lists SELECT g, g, '' FROM generate_series(0, 5) g",
  NULL,
};

static int pick(struct lists *lists, int count)
{
  uint64_t z = (*lists->random += 0x9e3779b97f4a7c15u);
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
  return (int)((z ^ (z >> 31)) % (uint64_t)count);
}

static void add_text(struct buffer *out, const char *format, ...) __attribute__((format(printf, 2, 3)));
static void add_text(struct buffer *out, const char *format, ...)
{
  char text[256];
  va_list arguments;
  va_start(arguments, format);
  int size = vsnprintf(text, sizeof text, format, arguments);
  va_end(arguments);
  CHECK(size >= 0 && (size_t)size < sizeof text);
  buffer_append(out, text, (size_t)size);
}

// --- The history ----------------------------------------------------------------------------------------------------

static void add_op(struct lister *lister, const char *name, const char *key, const char *value)
{
  add_text(&lister->ops, "%s[\"%s\",%s", lister->ops.size ? "," : "", name, key);
  if (value) {
    buffer_append_string(&lister->ops, ",");
    buffer_append_string(&lister->ops, value);
  }
  buffer_append_string(&lister->ops, "]");
}

static void add_append(struct lister *lister, int key, int element)
{
  char list[16], value[16];
  snprintf(list, sizeof list, "%d", key);
  snprintf(value, sizeof value, "%d", element);
  add_op(lister, "append", list, value);
}

// `elements`: each with a comma behind it.
static void add_read(struct lister *lister, int key, const char *elements)
{
  char list[16], value[sizeof lister->rows[0].list + 2];
  size_t size = strlen(elements);
  snprintf(list, sizeof list, "%d", key);
  snprintf(value, sizeof value, "[%.*s]", (int)(size ? size - 1 : 0), elements);
  add_op(lister, "r", list, value);
}

static void add_transaction(struct lists *lists, const char *process, const char *status, int64_t start, int64_t end,
                            const char *how, struct bytes ops)
{
  char times[2][24] = {"null", "null"};
  if (start)
    snprintf(times[0], sizeof times[0], "%" PRId64, start);
  if (end)
    snprintf(times[1], sizeof times[1], "%" PRId64, end);
  add_text(&lists->out, "{\"process\":\"%s\",\"status\":\"%s\",\"start\":%s,\"end\":%s,\"how\":\"%s\",\"ops\":[",
           process, status, times[0], times[1], how);
  buffer_append_bytes(&lists->out, ops);
  buffer_append_string(&lists->out, "]}\n");
}

static void conclude(struct lister *lister, struct lists *lists, const char *status)
{
  static const char *const names[] = {"", "one-shot", "batch", "pipeline", "whole", "interactive", "certain"};
  char process[16];
  snprintf(process, sizeof process, "%u", lister->id);
  add_transaction(lists, process, status, lister->start, status[0] == 'i' ? 0 : ++lists->now, names[lister->shape],
                  buffer_bytes(&lister->ops));
  buffer_clear(&lister->ops);
  lister->shape = SHAPE_NONE;
  lister->first = lister->count = 0;
}

void lister_lost(struct lister *lister, struct lists *lists)
{
  bool may_be_done = lister->commit_is_sent && !lister->has_failed;
  for (int i = lister->first; i < lister->count; i++) {
    const struct question *question = &lister->questions[i];
    for (int j = 0; j < question->key_count && question->element; j++)
      add_append(lister, question->keys[j], question->element);
  }
  if (lister->shape)
    conclude(lister, lists, may_be_done ? "info" : "fail");
  lister->id = 0;
  lister->ready_count = 0;
}

void lister_deinit(struct lister *lister)
{
  buffer_deinit(&lister->ops);
}

int stream_list(int64_t row)
{
  return STREAM_LIST + (int)(row % STREAM_LISTS);
}

void lists_add_stream(struct lists *lists, int64_t count)
{
  for (int64_t row = 0; row < count; row++) {
    char op[64];
    int size = snprintf(op, sizeof op, "[\"append\",%d,%" PRId64 "]", stream_list(row), STREAM_ELEMENT + row);
    add_transaction(lists, "stream", "ok", 0, 0, "stream", bytes_of(op, (size_t)size));
  }
}

// --- Statements -----------------------------------------------------------------------------------------------------

static int draw_key(struct lists *lists, bool is_there)
{
  if (pick(lists, 4) == 0 && !is_there)
    return STREAM_LIST + pick(lists, STREAM_LISTS);
  int busy = pick(lists, 2) ? 2 : is_there ? LISTS_THERE : LISTS;
  return pick(lists, busy);
}

static void draw_question(struct lists *lists, struct question *question)
{
  static const enum question_kind kinds[] = {ASK_READ,   ASK_READ,   ASK_READ_MIRROR, ASK_READ_RANGE,
                                              ASK_UPSERT, ASK_UPSERT, ASK_UPDATE,      ASK_UPDATE};
  *question = (struct question){.kind = pick(lists, 30) ? kinds[pick(lists, 8)] : ASK_READ_ALL, .key_count = 1};
  enum question_kind kind = question->kind;
  bool is_change = kind == ASK_UPSERT || kind == ASK_UPDATE;
  if (kind == ASK_READ_RANGE) {
    question->key_count = 4;
    int first = pick(lists, LISTS - 3);
    for (int i = 0; i < 4; i++)
      question->keys[i] = first + i;
  } else {
    question->keys[0] = draw_key(lists, kind == ASK_UPDATE);
    if ((kind == ASK_READ || kind == ASK_UPDATE) && pick(lists, 2)) {
      question->keys[1] = draw_key(lists, kind == ASK_UPDATE);
      question->key_count += question->keys[1] != question->keys[0];
    }
  }
  if (kind == ASK_READ_ALL)
    question->key_count = 0;
  if (is_change) {
    question->element = ++lists->next_element;
    question->is_returning = pick(lists, 3) == 0;
  } else if (kind != ASK_READ_ALL && pick(lists, 2)) {
    question->lock = pick(lists, LOCKS);
  }
}

static void define_text(struct lists *lists, char *text, size_t size)
{
  switch (pick(lists, 6)) {
  case 0: snprintf(text, size, "CREATE TABLE kept%d (k int PRIMARY KEY)", lists->next_definition++); break;
  case 1: snprintf(text, size, "CREATE INDEX side%d ON lists (m, k)", lists->next_definition++); break;
  case 2: snprintf(text, size, "ALTER TABLE lists ADD COLUMN side%d int DEFAULT 1", lists->next_definition++); break;
  case 3:
    snprintf(text, size, "LOCK TABLE lists IN %s MODE",
             !lists->locks_tables ? "ROW SHARE" : pick(lists, 2) ? "SHARE" : "EXCLUSIVE");
    break;
  case 4: snprintf(text, size, "SELECT pg_advisory_xact_lock(%d)", pick(lists, 2)); break;
  default: snprintf(text, size, "DROP INDEX IF EXISTS side%d", pick(lists, lists->next_definition + 1)); break;
  }
}

static void question_text(struct lists *lists, const struct question *question, char *text, size_t size)
{
  const char *lock = lock_texts[question->lock];
  const int *keys = question->keys;
  const char *returning = question->is_returning ? " RETURNING k, v" : "";
  char condition[48];
  if (question->key_count == 2)
    snprintf(condition, sizeof condition, "k IN (%d, %d)", keys[0], keys[1]);
  else
    snprintf(condition, sizeof condition, "k = %d", keys[0]);
  switch (question->kind) {
  case ASK_BEGIN: snprintf(text, size, "BEGIN"); break;
  case ASK_COMMIT: snprintf(text, size, "COMMIT"); break;
  case ASK_ROLLBACK: snprintf(text, size, "ROLLBACK"); break;
  case ASK_SAVEPOINT: snprintf(text, size, "SAVEPOINT s"); break;
  case ASK_ROLLBACK_TO: snprintf(text, size, "ROLLBACK TO s"); break;
  case ASK_RELEASE: snprintf(text, size, "RELEASE s"); break;
  case ASK_DEFINE: define_text(lists, text, size); break;
  case ASK_READ: snprintf(text, size, "SELECT k, v FROM lists WHERE %s%s", condition, lock); break;
  case ASK_READ_MIRROR: snprintf(text, size, "SELECT k, v FROM lists WHERE m = %d%s", keys[0], lock); break;
  case ASK_READ_RANGE:
    snprintf(text, size, "SELECT k, v FROM lists WHERE k BETWEEN %d AND %d%s", keys[0], keys[3], lock);
    break;
  case ASK_READ_ALL: snprintf(text, size, "SELECT k, v FROM lists"); break;
  case ASK_UPSERT:
    snprintf(text, size,
             "INSERT INTO lists (k, m, v) VALUES (%d, %d, '%d,') "
             "ON CONFLICT (k) DO UPDATE SET v = lists.v || excluded.v%s",
             keys[0], keys[0], question->element, returning);
    break;
  case ASK_UPDATE:
    snprintf(text, size, "UPDATE lists SET v = v || '%d,' WHERE %s%s", question->element, condition, returning);
    break;
  }
}

// --- Sending --------------------------------------------------------------------------------------------------------

// Notes the question, and gives its text.
static void note_question(struct lister *lister, struct lists *lists, const struct question *question, char *text,
                           size_t size)
{
  CHECK(lister->count < LISTER_QUESTIONS);
  lister->questions[lister->count++] = *question;
  question_text(lists, question, text, size);
}

static void send_question(struct lister *lister, struct lists *lists, const struct question *question,
                           struct quern_buffer *messages)
{
  char text[512];
  if (lister->first == lister->count)
    lister->first = lister->count = 0;
  note_question(lister, lists, question, text, sizeof text);
  if (lister->shape == SHAPE_PIPELINE) {
    quern_add_parse(messages, "", text, NULL, 0);
    quern_add_bind(messages, "", NULL, 0, false);
    quern_add_execute(messages);
    return;
  }
  quern_add_query(messages, text);
  lister->ready_count++;
}

static void send_simple(struct lister *lister, struct lists *lists, enum question_kind kind,
                        struct quern_buffer *messages)
{
  struct question question = {.kind = kind};
  lister->commit_is_sent |= kind == ASK_COMMIT;
  send_question(lister, lists, &question, messages);
}

static void send_drawn(struct lister *lister, struct lists *lists, int count, struct quern_buffer *messages)
{
  struct question question;
  for (int i = 0; i < count; i++) {
    draw_question(lists, &question);
    send_question(lister, lists, &question, messages);
  }
}

static void send_batch(struct lister *lister, struct lists *lists, struct quern_buffer *messages)
{
  char text[3 * 512];
  size_t size = 0;
  for (int i = 0; i < 3; i++) {
    struct question question;
    draw_question(lists, &question);
    note_question(lister, lists, &question, text + size, sizeof text - size);
    size += strlen(text + size);
    if (i < 2)
      size += (size_t)snprintf(text + size, sizeof text - size, "; ");
  }
  quern_add_query(messages, text);
  lister->ready_count = 1;
}

static void start(struct lister *lister, struct lists *lists, enum shape shape)
{
  lister->shape = shape;
  lister->start = ++lists->now;
  lister->first = lister->count = lister->row_count = 0;
  lister->has_savepoint = lister->has_failed = lister->may_go_back = false;
  lister->is_committed = lister->is_over = false;
  lister->commit_is_sent = shape == SHAPE_ONE_SHOT || shape == SHAPE_BATCH || shape == SHAPE_PIPELINE;
}

void lister_read_all(struct lister *lister, struct lists *lists, struct quern_buffer *messages)
{
  struct question question = {.kind = ASK_READ_ALL};
  start(lister, lists, SHAPE_ONE_SHOT);
  send_question(lister, lists, &question, messages);
}

static void begin(struct lister *lister, struct lists *lists, struct quern_buffer *messages)
{
  static const enum shape shapes[] = {
    SHAPE_ONE_SHOT, SHAPE_BATCH,       SHAPE_PIPELINE,    SHAPE_WHOLE,       SHAPE_CERTAIN,
    SHAPE_CERTAIN,  SHAPE_INTERACTIVE, SHAPE_INTERACTIVE, SHAPE_INTERACTIVE,
  };
  enum shape shape = shapes[pick(lists, 9)];
  // What follows a BEGIN that is refused for want of memory, and is sent with it, would be done by itself.
  start(lister, lists, shape == SHAPE_WHOLE && lists->is_tight ? SHAPE_BATCH : shape);
  switch (lister->shape) {
  case SHAPE_ONE_SHOT: send_drawn(lister, lists, 1, messages); return;
  case SHAPE_BATCH: send_batch(lister, lists, messages); return;
  case SHAPE_PIPELINE:
    send_drawn(lister, lists, 1 + pick(lists, 4), messages);
    quern_add_sync(messages);
    lister->ready_count = 1;
    return;
  case SHAPE_WHOLE:
    send_simple(lister, lists, ASK_BEGIN, messages);
    send_drawn(lister, lists, 1 + pick(lists, 4), messages);
    send_simple(lister, lists, ASK_COMMIT, messages);
    return;
  default:
    lister->left = lister->shape == SHAPE_CERTAIN ? 2 : 1 + pick(lists, 6);
    lister->key = pick(lists, 2) ? 0 : pick(lists, LISTS_THERE);
    send_simple(lister, lists, ASK_BEGIN, messages);
  }
}

// Claims the one row, changes it, commits.
static void certain_next(struct lister *lister, struct lists *lists, struct quern_buffer *messages)
{
  struct question question = {.kind = ASK_READ, .keys = {lister->key}, .key_count = 1, .lock = LOCK_UPDATE};
  if (lister->left == 0) {
    send_simple(lister, lists, ASK_COMMIT, messages);
    return;
  }
  if (--lister->left == 0)
    question = (struct question){
      .kind = ASK_UPDATE, .keys = {lister->key}, .key_count = 1, .element = ++lists->next_element};
  send_question(lister, lists, &question, messages);
}

static void interactive_next(struct lister *lister, struct lists *lists, struct quern_buffer *messages)
{
  if (lister->left-- <= 0) {
    send_simple(lister, lists, pick(lists, 10) ? ASK_COMMIT : ASK_ROLLBACK, messages);
    return;
  }
  int choice = pick(lists, 100);
  if (choice < 12)
    send_simple(lister, lists, ASK_SAVEPOINT, messages);
  else if (choice < 22 && lister->has_savepoint)
    send_simple(lister, lists, ASK_ROLLBACK_TO, messages);
  else if (choice < 26 && lister->has_savepoint)
    send_simple(lister, lists, ASK_RELEASE, messages);
  else if (choice < 31)
    send_simple(lister, lists, ASK_DEFINE, messages);
  else
    send_drawn(lister, lists, 1 + pick(lists, 2), messages);
}

bool lister_next(struct lister *lister, struct lists *lists, struct quern_buffer *messages)
{
  if (!lister->id || lister->ready_count)
    return false;
  if (lister->shape == SHAPE_NONE && lister->is_open) { // its end was refused for want of memory
    quern_add_query(messages, "ROLLBACK");
    lister->ready_count = 1;
  } else if (lister->shape == SHAPE_NONE) {
    begin(lister, lists, messages);
  } else if (lister->has_failed) {
    send_simple(lister, lists, lister->may_go_back ? ASK_ROLLBACK_TO : ASK_ROLLBACK, messages);
  } else if (lister->shape == SHAPE_CERTAIN) {
    certain_next(lister, lists, messages);
  } else {
    interactive_next(lister, lists, messages);
  }
  return true;
}

// --- Answers --------------------------------------------------------------------------------------------------------

static void take_row(struct lister *lister, struct lists *lists, const struct quern_message *message)
{
  const uint8_t *field;
  char text[16] = {0};
  int32_t size = quern_row_field(message, 0, &field);
  if (lister->row_count == LISTER_ROWS || size < 1 || size > 15) {
    model_violate(lists->model, "a row of lists that cannot be");
    return;
  }
  memcpy(text, field, (size_t)size);
  lister->rows[lister->row_count].key = atoi(text);
  size = quern_row_field(message, 1, &field);
  if (size < 0 || (size_t)size >= sizeof lister->rows[0].list) {
    model_violate(lists->model, "a list that cannot be");
    return;
  }
  memcpy(lister->rows[lister->row_count].list, field, (size_t)size);
  lister->rows[lister->row_count++].list[size] = 0;
}

static const char *row_of(const struct lister *lister, int key)
{
  for (int i = 0; i < lister->row_count; i++)
    if (lister->rows[i].key == key)
      return lister->rows[i].list;
  return NULL;
}

static void question_done(struct lister *lister, const struct question *question, const char *tag)
{
  switch (question->kind) {
  case ASK_SAVEPOINT: add_op(lister, "savepoint", "\"s\"", NULL); break;
  case ASK_ROLLBACK_TO:
    add_op(lister, "rollback", "\"s\"", NULL);
    lister->has_failed = lister->may_go_back = false;
    break;
  case ASK_RELEASE: add_op(lister, "release", "\"s\"", NULL); break;
  case ASK_COMMIT: lister->is_committed = strcmp(tag, "COMMIT") == 0; break;
  default: break;
  }
  lister->is_over |= question->kind == ASK_COMMIT || question->kind == ASK_ROLLBACK;
  if (question->kind == ASK_SAVEPOINT || question->kind == ASK_RELEASE)
    lister->has_savepoint = question->kind == ASK_SAVEPOINT;
  for (int i = 0; i < question->key_count; i++) {
    const char *row = row_of(lister, question->keys[i]);
    if (question->element)
      add_append(lister, question->keys[i], question->element);
    else if (!row && question->lock != LOCK_SKIP)
      add_read(lister, question->keys[i], "");
    if (row)
      add_read(lister, question->keys[i], row);
  }
  for (int i = 0; i < lister->row_count && question->kind == ASK_READ_ALL; i++)
    add_read(lister, lister->rows[i].key, lister->rows[i].list);
}

static void question_failed(struct lister *lister, struct lists *lists, const struct question *question,
                             const char *sqlstate, const char *text)
{
  bool is_refused = strcmp(sqlstate, "55P03") == 0 || (lists->may_be_refused && strncmp(sqlstate, "53", 2) == 0);
  bool is_retry = strcmp(sqlstate, "40001") == 0 || strcmp(sqlstate, "40P01") == 0;
  bool may_retry = lister->shape == SHAPE_INTERACTIVE || lister->shape == SHAPE_WHOLE ||
                   (lister->shape == SHAPE_CERTAIN && lists->locks_tables && strcmp(sqlstate, "40P01") == 0);
  bool follows = strcmp(sqlstate, "25P02") == 0 && lister->has_failed;
  if (!is_refused && !follows && !(is_retry && may_retry))
    model_violate(lists->model, "an error that must not be: %s %s, of a statement %d in a transaction %d", sqlstate,
                  text, question ? (int)question->kind : -1, (int)lister->shape);
  for (int i = 0; question && i < question->key_count && question->element; i++)
    add_append(lister, question->keys[i], question->element);
  if (!lister->has_failed)
    lister->may_go_back = is_refused && lister->has_savepoint;
  lister->has_failed = true;
  lister->is_over |= question && (question->kind == ASK_COMMIT || question->kind == ASK_BEGIN);
}

static void ready(struct lister *lister, struct lists *lists)
{
  lister->ready_count -= lister->ready_count > 0;
  if (lister->ready_count || !lister->shape)
    return;
  bool is_alone = lister->shape == SHAPE_ONE_SHOT || lister->shape == SHAPE_BATCH || lister->shape == SHAPE_PIPELINE;
  for (int i = lister->first; i < lister->count && is_alone; i++) // what stood behind the one that failed
    for (int j = 0; j < lister->questions[i].key_count && lister->questions[i].element; j++)
      add_append(lister, lister->questions[i].keys[j], lister->questions[i].element);
  if (is_alone)
    conclude(lister, lists, lister->has_failed ? "fail" : "ok");
  else if (lister->is_over)
    conclude(lister, lists, lister->is_committed ? "ok" : "fail");
}

void lister_read(struct lister *lister, struct lists *lists, struct bytes messages)
{
  struct quern_message message;
  const uint8_t *at = messages.data;
  size_t size = messages.size;
  while (quern_next_message(&at, &size, &message)) {
    struct question *question = lister->first < lister->count ? &lister->questions[lister->first] : NULL;
    if (message.type == 'D' && question && question->kind != ASK_DEFINE)
      take_row(lister, lists, &message);
    if (message.type == 'Z') {
      lister->is_open = message.body[0] != 'I';
      ready(lister, lists);
    }
    if (message.type == 'E')
      question_failed(lister, lists, question, quern_error_field(&message, 'C'), quern_error_field(&message, 'M'));
    else if (message.type == 'C' && question)
      question_done(lister, question, (const char *)message.body);
    if (question && (message.type == 'E' || message.type == 'C')) {
      lister->first++;
      lister->row_count = 0;
    }
  }
}
