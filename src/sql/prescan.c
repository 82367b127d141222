// Before the parser: bounds on tokens and on the depth of the tree that will come of a text, and the swap of keywords
// that makes PostgreSQL's grammar read Quern's own statements.
//
// Depth. The tree is as deep as the text nests (parentheses, brackets, CASE … END, BEGIN ATOMIC … END) and as its
// chains are long (1 + 1 + 1 leans to one side). Chains at all levels of one path add up, so what is bounded is the
// sum along the path: of the enclosing levels' chains, of this level's chain, and of the deepest thing that was
// closed within the same chain. A comma, AND, OR or a clause's keyword ends a chain; set operations lean over them.
#include "sql/prescan.h"

#include "base/limits.h"
#include "base/sqlstate.h"
#include "sql/scan.h"

enum level_kind { LEVEL_TOP, LEVEL_PARENTHESIS, LEVEL_CASE, LEVEL_ATOMIC };

struct level {
  enum level_kind kind;
  int chain;    // operators since the chain began
  int deepest;  // the deepest level closed within the chain
  int best;     // the deepest of the chains that ended
  int sets;     // UNION, INTERSECT, EXCEPT
  int betweens; // BETWEENs that wait for their AND
};

struct depth_scan {
  struct level levels[LIMIT_NESTING + 1];
  int count; // of levels, the top one included
  int path;  // sum over the enclosing levels: chain + sets + 1
};

static int level_depth(const struct level *level)
{
  int chain = level->chain + level->deepest;
  return (chain > level->best ? chain : level->best) + level->sets;
}

static struct level *top(struct depth_scan *depth)
{
  return &depth->levels[depth->count - 1];
}

static bool push(struct depth_scan *depth, enum level_kind kind)
{
  if (depth->count > LIMIT_NESTING)
    return false;
  depth->path += top(depth)->chain + top(depth)->sets + 1;
  depth->levels[depth->count++] = (struct level){.kind = kind};
  return true;
}

static void pop(struct depth_scan *depth)
{
  int closed = level_depth(top(depth)) + 1;
  depth->count--;
  struct level *level = top(depth);
  depth->path -= level->chain + level->sets + 1;
  if (closed > level->deepest)
    level->deepest = closed;
}

static void end_chain(struct level *level)
{
  int chain = level->chain + level->deepest;
  if (chain > level->best)
    level->best = chain;
  level->chain = 0;
  level->deepest = 0;
}

static bool is_one_of(const struct scan *scan, const char *const *words)
{
  for (; *words; words++)
    if (scan_is_word(scan, *words))
      return true;
  return false;
}

// Keywords that make the tree deeper without a parenthesis.
static const char *const chain_words[] = {
    "not",     "is",      "isnull", "notnull",  "like",     "ilike",      "similar",  "in",
    "between", "collate", "at",     "escape",   "operator", "join",       "overlaps", "uescape",
    "any",     "all",     "some",   "distinct", "document", "normalized", NULL,
};
static const char *const set_words[] = {"union", "intersect", "except", NULL};
static const char *const ending_words[] = {"or", "select", "where", "values", "when", "then", "else", "set", NULL};

// `after`: the token before was one after which END and CASE are names.
static bool depth_word(struct depth_scan *depth, const struct scan *scan, bool after_name_mark, bool after_begin)
{
  size_t size = scan_size(scan);
  if (size < 2 || size > 10)
    return true;
  struct level *level = top(depth);
  if (is_one_of(scan, ending_words)) {
    end_chain(level);
  } else if (scan_is_word(scan, "and")) {
    if (level->betweens > 0)
      level->betweens--;
    else
      end_chain(level);
  } else if (is_one_of(scan, set_words)) {
    end_chain(level);
    level->sets++;
  } else if (is_one_of(scan, chain_words)) {
    level->chain++;
    level->betweens += scan_is_word(scan, "between");
  } else if (scan_is_word(scan, "case") && !after_name_mark) {
    return push(depth, LEVEL_CASE);
  } else if (scan_is_word(scan, "atomic") && after_begin) {
    return push(depth, LEVEL_ATOMIC);
  } else if (scan_is_word(scan, "end") && !after_name_mark &&
             (level->kind == LEVEL_CASE || level->kind == LEVEL_ATOMIC)) {
    pop(depth);
  }
  return true;
}

static bool depth_mark(struct depth_scan *depth, const struct scan *scan)
{
  switch (scan->text[scan->start]) {
  case '(':
  case '[': return push(depth, LEVEL_PARENTHESIS);
  case ')':
  case ']':
    while (depth->count > 1 && top(depth)->kind != LEVEL_PARENTHESIS)
      pop(depth);
    if (depth->count > 1)
      pop(depth);
    return true;
  case ',': end_chain(top(depth)); return true;
  case ';':
    end_chain(top(depth));
    top(depth)->sets = 0;
    return true;
  case ':': top(depth)->chain++; return true;
  default: return true;
  }
}

// Follows one token. False: it nests too deeply.
static bool depth_token(struct depth_scan *depth, const struct scan *scan, bool after_name_mark, bool after_begin)
{
  bool fits = true;
  if (scan->kind == SCAN_WORD)
    fits = depth_word(depth, scan, after_name_mark, after_begin);
  else if (scan->kind == SCAN_MARK)
    fits = depth_mark(depth, scan);
  else if (scan->kind == SCAN_OPERATOR || scan->kind == SCAN_JUNK)
    top(depth)->chain++;
  return fits && depth->path + level_depth(top(depth)) <= LIMIT_CHAIN + LIMIT_NESTING &&
         top(depth)->chain <= LIMIT_CHAIN;
}

// --- Statements ------------------------------------------------------------------------------------

enum head_step { HEAD_START, HEAD_CREATE, HEAD_OR, HEAD_REPLACE, HEAD_OTHER, HEAD_DEFINED, HEAD_AS, HEAD_BODY };

// Where the scan of one statement's head stands.
struct head {
  enum head_step step;
  bool is_create;
  size_t as;           // offset of AS
  size_t body_first;   // offset of the first token after AS
  bool in_parentheses; // that token is a parenthesis
  bool is_atomic;      // it is BEGIN
  size_t closing;      // offset of the parenthesis that closes it; 0: it is still open
  bool after_closing;  // something stands behind it
  size_t last;         // offset of the last token
};

struct prescanner {
  struct prescan *prescan;
  struct bytes text;
  struct scan scan;
  struct depth_scan depth;
  struct head head;
  struct prescan_statement current;
  bool in_statement;
  int statement_capacity, insertion_capacity;
  size_t copied; // of the text into prescan->text
};

static void copy_until(struct prescanner *p, size_t offset)
{
  buffer_append(&p->prescan->text, p->text.data + p->copied, offset - p->copied);
  p->copied = offset;
}

// Puts a word in the place of `size` bytes, blanks behind it; it is not longer.
static void swap_word(struct prescanner *p, size_t offset, size_t size, const char *word)
{
  copy_until(p, offset);
  buffer_append_string(&p->prescan->text, word);
  for (size_t i = strlen(word); i < size; i++)
    buffer_append_u8(&p->prescan->text, ' ');
  p->copied = offset + size;
}

static bool insert_text(struct prescanner *p, size_t offset, const char *text)
{
  struct prescan *prescan = p->prescan;
  copy_until(p, offset);
  if (prescan->insertion_count == p->insertion_capacity) {
    int capacity = p->insertion_capacity ? p->insertion_capacity * 2 : 8;
    struct prescan_insertion *grown = ARENA_ARRAY(prescan->arena, struct prescan_insertion, capacity);
    if (!grown)
      return false;
    if (prescan->insertion_count)
      memcpy(grown, prescan->insertions, sizeof *grown * (size_t)prescan->insertion_count);
    prescan->insertions = grown;
    p->insertion_capacity = capacity;
  }
  prescan->insertions[prescan->insertion_count++] =
      (struct prescan_insertion){.at = prescan->text.size, .size = strlen(text)};
  buffer_append_string(&prescan->text, text);
  return true;
}

// The statement's first words: is it one of ours? False: out of memory.
static bool head_word(struct prescanner *p)
{
  struct head *head = &p->head;
  const struct scan *scan = &p->scan;
  if (head->step == HEAD_START) {
    head->is_create = scan_is_word(scan, "create");
    bool begins = head->is_create || scan_is_word(scan, "drop") || scan_is_word(scan, "alter");
    head->step = begins ? HEAD_CREATE : HEAD_OTHER;
    return true;
  }
  if (head->step == HEAD_CREATE && head->is_create && scan_is_word(scan, "or")) {
    head->step = HEAD_OR;
    return true;
  }
  if (head->step == HEAD_OR) {
    head->step = scan_is_word(scan, "replace") ? HEAD_REPLACE : HEAD_OTHER;
    return true;
  }
  bool or_replace = head->step == HEAD_REPLACE;
  head->step = HEAD_OTHER;
  if (scan_is_word(scan, "workflow")) {
    p->current.form = FORM_WORKFLOW;
    swap_word(p, scan->start, scan_size(scan), head->is_create ? "FUNCTION" : "TABLE");
    if (head->is_create)
      head->step = HEAD_DEFINED;
  } else if (scan_is_word(scan, "sink") && !or_replace) {
    p->current.form = FORM_SINK;
    if (head->is_create) {
      head->step = HEAD_DEFINED;
      if (!insert_text(p, scan->start, "MATERIALIZED "))
        return false;
    }
    swap_word(p, scan->start, scan_size(scan), "VIEW");
  } else if (scan_is_word(scan, "source") && !or_replace) {
    p->current.form = FORM_SOURCE;
    swap_word(p, scan->start, scan_size(scan), "TABLE");
  }
  p->current.or_replace = or_replace && p->current.form != FORM_PLAIN;
  return true;
}

static bool head_token(struct prescanner *p)
{
  struct head *head = &p->head;
  const struct scan *scan = &p->scan;
  head->last = scan->start;
  if (head->step < HEAD_OTHER)
    return head_word(p);
  if (head->step == HEAD_DEFINED) {
    if (scan_is_word(scan, "as") && p->depth.count == 1) {
      head->as = scan->start;
      head->step = HEAD_AS;
    }
  } else if (head->step == HEAD_AS) {
    head->body_first = scan->start;
    head->in_parentheses = scan_is_mark(scan, '(');
    head->is_atomic = scan_is_word(scan, "begin");
    head->step = HEAD_BODY;
  } else if (head->step == HEAD_BODY && head->in_parentheses) {
    head->after_closing |= head->closing != 0;
    if (!head->closing && scan_is_mark(scan, ')') && p->depth.count == 2)
      head->closing = scan->start;
  }
  return true;
}

// The forms of a workflow's body. `FUNCTION x` has been written; AS and what follows has not.
static bool write_workflow(struct prescanner *p)
{
  const struct head *head = &p->head;
  struct prescan_statement *statement = &p->current;
  if (head->step != HEAD_BODY)
    return true; // the parser says what is missing
  swap_word(p, head->as, 2, "()");
  statement->has_body = true;
  if (head->is_atomic) {
    statement->body_start = head->body_first;
    statement->body_end = statement->end;
    return true;
  }
  bool in_parentheses = head->in_parentheses && head->closing && !head->after_closing;
  statement->body_start = head->body_first + in_parentheses;
  statement->body_end = in_parentheses ? head->closing : statement->end;
  if (in_parentheses)
    swap_word(p, head->body_first, 1, " ");
  if (!insert_text(p, head->body_first + in_parentheses, " BEGIN ATOMIC "))
    return false;
  if (!insert_text(p, statement->body_end, "; END "))
    return false;
  if (in_parentheses)
    swap_word(p, head->closing, 1, " ");
  return true;
}

// What stands behind the AS of a sink.
static void note_query(struct prescanner *p)
{
  p->current.has_body = p->head.step == HEAD_BODY;
  p->current.body_start = p->head.body_first;
  p->current.body_end = p->current.end;
}

static bool end_statement(struct prescanner *p)
{
  struct prescan *prescan = p->prescan;
  if (!p->in_statement)
    return true;
  p->in_statement = false;
  if (p->current.form == FORM_SINK)
    note_query(p);
  else if (p->head.step >= HEAD_DEFINED && !write_workflow(p))
    return false;
  if (prescan->statement_count == p->statement_capacity) {
    int capacity = p->statement_capacity ? p->statement_capacity * 2 : 4;
    struct prescan_statement *grown = ARENA_ARRAY(prescan->arena, struct prescan_statement, capacity);
    if (!grown)
      return false;
    if (prescan->statement_count)
      memcpy(grown, prescan->statements, sizeof *grown * (size_t)prescan->statement_count);
    prescan->statements = grown;
    p->statement_capacity = capacity;
  }
  prescan->statements[prescan->statement_count++] = p->current;
  return true;
}

static int refuse(struct prescanner *p, const char *sqlstate, const char *message, struct error *error)
{
  int status = error_set(error, sqlstate, "%s", message);
  error_position(error, parse_position(p->text, (int32_t)p->scan.start));
  return status;
}

static int scan_text(struct prescanner *p, struct error *error)
{
  bool after_name_mark = false, after_begin = false;
  for (; scan_next(&p->scan) != SCAN_END; p->prescan->token_count++) {
    if (p->prescan->token_count == LIMIT_TOKENS)
      return refuse(p, SQLSTATE_PROGRAM_LIMIT_EXCEEDED, "the statement has too many tokens", error);
    if (scan_is_mark(&p->scan, ';') && p->depth.count == 1) {
      if (!end_statement(p))
        return error_memory(error);
    } else {
      if (!p->in_statement) {
        p->in_statement = true;
        p->current = (struct prescan_statement){.start = p->scan.start};
        p->head = (struct head){.step = HEAD_START};
      }
      p->current.end = p->scan.at;
      if (!head_token(p))
        return error_memory(error);
    }
    if (!depth_token(&p->depth, &p->scan, after_name_mark, after_begin)) {
      int status = refuse(p, SQLSTATE_STATEMENT_TOO_COMPLEX, "the statement is nested too deeply", error);
      error_hint(error, "Parentheses may nest %d deep, and operators may follow one another %d times.", LIMIT_NESTING,
                 LIMIT_CHAIN);
      return status;
    }
    after_name_mark = scan_is_mark(&p->scan, '.') || scan_is_word(&p->scan, "as");
    after_begin = scan_is_word(&p->scan, "begin");
  }
  return end_statement(p) ? 0 : error_memory(error);
}

int prescan_run(struct prescan *prescan, struct bytes text, struct error *error)
{
  struct prescanner *p = ARENA_NEW(prescan->arena, struct prescanner);
  if (!p)
    return error_memory(error);
  p->prescan = prescan;
  p->text = text;
  p->scan = (struct scan){.text = text.data, .size = text.size};
  p->depth.count = 1;
  int status = scan_text(p, error);
  if (status)
    return status;
  copy_until(p, text.size);
  buffer_append_u8(&prescan->text, 0);
  return prescan->text.failed ? error_memory(error) : 0;
}

void prescan_deinit(struct prescan *prescan)
{
  buffer_deinit(&prescan->text);
}

size_t prescan_offset(const struct prescan *prescan, size_t offset)
{
  size_t inserted = 0;
  for (int i = 0; i < prescan->insertion_count; i++) {
    const struct prescan_insertion *insertion = &prescan->insertions[i];
    if (offset < insertion->at)
      break;
    if (offset < insertion->at + insertion->size)
      return insertion->at - inserted;
    inserted += insertion->size;
  }
  return offset - inserted;
}
