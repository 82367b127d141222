// Numbers of sequences in sessions: nextval and its kin, what a session has seen, and what a script draws again.
//
// nextval and currval are kept: a script's second run gives what the first one gave. setval is once: it is not repeated.
#include <stdlib.h>

#include "base/sqlstate.h"
#include "partition/state.h"
#include "table/right.h"
#include "table/sequence.h"

enum { NUMBER_ENTRY = 24, ENTRY_HEAD = 5 }; // bytes of a KEPT_NUMBER, and what stands before it (script.c)

// --- What is kept ---------------------------------------------------------------------------------------------

// Numbers that follow one another in equal steps are one entry.
static bool join_last(struct buffer *kept, size_t at, uint32_t counter, int64_t number)
{
  if (at + ENTRY_HEAD + NUMBER_ENTRY != kept->size || kept->data[at] != KEPT_NUMBER)
    return false;
  uint8_t *entry = kept->data + at + ENTRY_HEAD;
  uint32_t count = get_le32(entry + 4);
  uint64_t first = get_le64(entry + 8), step = get_le64(entry + 16);
  if (get_le32(entry) != counter || count == UINT32_MAX)
    return false;
  if (count == 1)
    put_le64(entry + 16, step = (uint64_t)number - first);
  if ((uint64_t)number != first + count * step)
    return false;
  put_le32(entry + 4, count + 1);
  return true;
}

static int keep(void *context, uint32_t counter, int64_t number, struct error *error)
{
  struct session *session = context;
  struct buffer *kept = &session->kept;
  size_t size = ENTRY_HEAD + NUMBER_ENTRY;
  if (kept->size >= size && join_last(kept, kept->size - size, counter, number))
    return 0;
  uint8_t entry[NUMBER_ENTRY] = {0};
  put_le32(entry, counter);
  put_le32(entry + 4, 1);
  put_le64(entry + 8, (uint64_t)number);
  return script_keep(session, KEPT_NUMBER, bytes_of(entry, sizeof entry), error);
}

static bool none_again(void *context, uint32_t counter, int64_t *number)
{
  return false;
}

static struct kept_cursor *cursor_of(struct rerun *rerun, uint32_t counter)
{
  for (int i = 0; i < rerun->cursor_count; i++)
    if (rerun->cursors[i].counter == counter)
      return &rerun->cursors[i];
  if (rerun->cursor_count == KEPT_COUNTERS)
    return NULL;
  struct kept_cursor *cursor = &rerun->cursors[rerun->cursor_count++];
  *cursor = (struct kept_cursor){.counter = counter};
  return cursor;
}

bool numbering_again(void *context, uint32_t counter, int64_t *number)
{
  struct rerun *rerun = context;
  struct kept_cursor *cursor = cursor_of(rerun, counter);
  if (!cursor)
    return false;
  if (!cursor->entry.data || cursor->used == get_le32(cursor->entry.data + 4)) {
    do
      if (!kept_entry(rerun, KEPT_NUMBER, &cursor->at, &cursor->entry))
        return cursor->entry.data = NULL, false;
    while (get_le32(cursor->entry.data) != counter);
    cursor->used = 0;
  }
  uint64_t first = get_le64(cursor->entry.data + 8), step = get_le64(cursor->entry.data + 16);
  *number = (int64_t)(first + cursor->used++ * step);
  return true;
}

int numbering_keep_not(void *context, uint32_t counter, int64_t number, struct error *error)
{
  return 0;
}

// --- Sessions ---------------------------------------------------------------------------------------------------

void numbering_init(struct session *session)
{
  session->numbers = (struct numbers){.context = session, .again = none_again, .keep = keep};
}

void numbering_forget(struct session *session)
{
  free(session->seen);
  session->seen = NULL;
  session->seen_count = session->seen_capacity = 0;
  session->last_seen = 0;
}

static int see(struct session *session, uint32_t oid, int64_t value, struct error *error)
{
  int i = 0;
  while (i < session->seen_count && session->seen[i].oid != oid)
    i++;
  if (i == session->seen_capacity) {
    int capacity = i ? 2 * i : 8;
    void *grown = realloc(session->seen, sizeof *session->seen * (size_t)capacity);
    if (!grown)
      return error_memory(error);
    session->seen = grown;
    session->seen_capacity = capacity;
  }
  session->seen_count += i == session->seen_count;
  session->seen[i].oid = oid;
  session->seen[i].value = value;
  return 0;
}

void numbering_attach(struct run *run, struct session *session, const struct numbers *numbers, bool is_again)
{
  run->context.session = session;
  run->context.numbers = numbers;
  run->context.is_again = is_again;
}

int numbering_settle(struct partition *partition, struct session *session, struct error *error)
{
  bool is_shown = session->shows_numbers;
  if (!sequence_is_logged(partition->catalog) && !partition->trunk.is_running) {
    struct writer writer = {.error = error};
    uint64_t position;
    atom_begin(&partition->trunk, &writer);
    int status = atom_commit(&partition->trunk, &position, error);
    if (status)
      return status;
    is_shown = true;
  }
  session->shows_numbers = false;
  if (is_shown && sequence_position(partition->catalog) > session->depends)
    session->depends = sequence_position(partition->catalog);
  return 0;
}

// --- Functions ----------------------------------------------------------------------------------------------------

struct number_call {
  struct run_context *context;
  struct evaluation *evaluation;
  const struct relation *sequence; // NULL: of lastval
  const struct value *arguments;
  int argument_count;
  struct value *result;
};

static int may_draw(const struct number_call *call, const char *name)
{
  const struct session *session = call->context->session;
  if (session && session->settings.read_only)
    return error_set(call->evaluation->error, SQLSTATE_READ_ONLY_SQL_TRANSACTION,
                     "cannot execute %s() in a read-only transaction", name);
  if (call->context->partition->is_full)
    return error_set(call->evaluation->error, SQLSTATE_DISK_FULL,
                     "the log cannot grow: there is no space left on the disk");
  return 0;
}

// 42501 unless the role may do this with the sequence.
static int may_use(const struct number_call *call, const struct relation *sequence, uint32_t rights)
{
  const struct system_context *system = call->context->system;
  const struct relation *table = sequence->sequence.owner && system->settings->role != ROLE_OWNER
                                     ? catalog_find_oid(system->catalog, system->version, sequence->sequence.owner)
                                     : NULL;
  if (table && table->schema.columns[sequence->sequence.owner_column].identity) { // whoever may insert draws its numbers
    struct right_object object = right_object_of(table);
    if (right_on_any_column(system->version, system->settings->role, &object, RIGHT_INSERT, NULL))
      return 0;
  }
  return relation_require(system->version, system->settings->role, sequence, rights, NULL, call->evaluation->error);
}

static int next_value(const struct number_call *call)
{
  struct run_context *context = call->context;
  struct session *session = context->session;
  int64_t number;
  int status = may_use(call, call->sequence, RIGHT_USAGE | RIGHT_UPDATE);
  if (!status)
    status = may_draw(call, "nextval");
  if (!status)
    status = sequence_next(context->partition->catalog, context->system->version, call->sequence, context->numbers, &number,
                           call->evaluation->error);
  if (!status && session)
    status = see(session, call->sequence->oid, number, call->evaluation->error);
  if (status)
    return status;
  if (session) {
    session->last_seen = call->sequence->oid;
    session->shows_numbers = true;
  }
  *call->result = value_integer(number);
  return 0;
}

// The last number that the session drew from this sequence, or from any.
static int seen_value(const struct number_call *call)
{
  struct run_context *context = call->context;
  struct session *session = context->session;
  struct error *error = call->evaluation->error;
  int64_t number;
  int status = call->sequence ? may_use(call, call->sequence, RIGHT_USAGE | RIGHT_SELECT) : 0;
  if (status)
    return status;
  if (context->numbers && context->numbers->again(context->numbers->context, NUMBER_SEEN, &number)) {
    *call->result = value_integer(number);
    return 0;
  }
  uint32_t oid = call->sequence ? call->sequence->oid : session ? session->last_seen : 0;
  int i = 0, count = session ? session->seen_count : 0;
  while (i < count && session->seen[i].oid != oid)
    i++;
  bool is_there = i < count && (call->sequence || catalog_find_oid(context->partition->catalog, context->system->version, oid));
  if (!is_there && !call->sequence)
    return error_set(error, SQLSTATE_OBJECT_NOT_IN_PREREQUISITE_STATE, "lastval is not yet defined in this session");
  if (!is_there)
    return error_set(error, SQLSTATE_OBJECT_NOT_IN_PREREQUISITE_STATE,
                     "currval of sequence \"%s\" is not yet defined in this session", call->sequence->name);
  session->shows_numbers = true;
  *call->result = value_integer(session->seen[i].value);
  return context->numbers ? context->numbers->keep(context->numbers->context, NUMBER_SEEN, session->seen[i].value, error) : 0;
}

static int set_value(const struct number_call *call)
{
  struct run_context *context = call->context;
  struct session *session = context->session;
  struct error *error = call->evaluation->error;
  int64_t number = call->arguments[1].integer;
  bool is_called = call->argument_count < 3 || call->arguments[2].integer;
  int status = may_use(call, call->sequence, RIGHT_UPDATE);
  if (!status)
    status = may_draw(call, "setval");
  if (!status && !context->is_again)
    status = sequence_set(context->partition->catalog, context->system->version, call->sequence, number, is_called, error);
  if (!status && session && is_called)
    status = see(session, call->sequence->oid, number, error);
  if (status)
    return status;
  if (session)
    session->shows_numbers = true;
  *call->result = value_integer(number);
  return 0;
}

bool numbering_function(struct evaluation *evaluation, const char *name, const struct value *arguments, int argument_count,
                        struct value *result, int *status)
{
  static const struct {
    const char *name;
    int (*code)(const struct number_call *call);
  } functions[] = {{"nextval", next_value}, {"currval", seen_value}, {"lastval", seen_value}, {"setval", set_value}};
  for (size_t i = 0; i < sizeof functions / sizeof *functions; i++) {
    if (strcmp(functions[i].name, name) != 0)
      continue;
    struct number_call call = {.context = evaluation->context,
                               .evaluation = evaluation,
                               .arguments = arguments,
                               .argument_count = argument_count,
                               .result = result};
    struct run_context *context = call.context;
    uint32_t oid = argument_count ? (uint32_t)arguments[0].integer : 0;
    if (oid)
      call.sequence = catalog_find_oid(context->partition->catalog, context->system->version, oid);
    if (argument_count && !call.sequence)
      *status = error_set(evaluation->error, SQLSTATE_UNDEFINED_TABLE, "could not open relation with OID %u", oid);
    else if (argument_count && call.sequence->kind != RELATION_SEQUENCE)
      *status = error_set(evaluation->error, SQLSTATE_WRONG_OBJECT_TYPE, "\"%s\" is not a sequence", call.sequence->name);
    else
      *status = functions[i].code(&call);
    return true;
  }
  return false;
}
