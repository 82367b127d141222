// EXPLAIN: what is told of each node of a plan, with PostgreSQL's words. Costs are the planner's, scaled to look like
// PostgreSQL's.
#include "sql/explain.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/sqlstate.h"
#include "sql/system.h"

struct explaining {
  const struct plan *plan;
  const struct explain_options *options;
  const struct run_report *report;
  struct arena *arena;
  struct buffer text; // scratch
  bool qualified;
  bool failed; // out of memory
};

static struct explained *explain_node(struct explaining *e, const struct plan_node *node, const struct node *extra);

// --- Facts -----------------------------------------------------------------------------------------------------

// What stands in the scratch text becomes the fact's value.
static void add_fact(struct explaining *e, struct explained *to, const char *label, enum fact_kind kind,
                     bool is_in_head)
{
  struct fact *fact = to ? ARENA_NEW(e->arena, struct fact) : NULL;
  const char *value = fact ? arena_copy(e->arena, e->text.data, e->text.size) : NULL;
  if (!value || e->text.failed) {
    e->failed = true;
    return;
  }
  *fact = (struct fact){.label = label, .kind = kind, .is_in_head = is_in_head, .value = value, .size = e->text.size};
  if (to->last_fact)
    to->last_fact->next = fact;
  else
    to->facts = fact;
  to->last_fact = fact;
  buffer_clear(&e->text);
}

static void head_fact(struct explaining *e, struct explained *to, const char *label, const char *value)
{
  buffer_append_string(&e->text, value);
  add_fact(e, to, label, FACT_TEXT, true);
}

static void condition(struct explaining *e, struct explained *to, const char *label, const struct node *node)
{
  if (!node)
    return;
  node_deparse(e->plan, node, e->qualified, &e->text);
  add_fact(e, to, label, FACT_TEXT, false);
}

// Several conditions as PostgreSQL joins them: ((a) AND (b)).
static void conditions(struct explaining *e, struct explained *to, const char *label, const struct node *const *nodes,
                       int count)
{
  if (count == 0)
    return;
  buffer_append_string(&e->text, count > 1 ? "(" : "");
  for (int i = 0; i < count; i++) {
    buffer_append_string(&e->text, i ? " AND " : "");
    node_deparse(e->plan, nodes[i], e->qualified, &e->text);
  }
  buffer_append_string(&e->text, count > 1 ? ")" : "");
  add_fact(e, to, label, FACT_TEXT, false);
}

static void add_below(struct explained *above, struct explained *below, const char *relation)
{
  if (!above || !below)
    return;
  if (!below->relation)
    below->relation = relation;
  if (above->last)
    above->last->next = below;
  else
    above->first = below;
  above->last = below;
}

// A node with its type; what stands behind the type in its first line comes by set_head.
static struct explained *begin(struct explaining *e, const struct plan_node *node, const char *type)
{
  struct explained *made = ARENA_NEW(e->arena, struct explained);
  if (!made) {
    e->failed = true;
    return NULL;
  }
  made->head = type;
  if (node) {
    made->start_cost = node->start_cost;
    made->cost = node->cost;
    made->rows = node->rows;
  }
  head_fact(e, made, "Node Type", type);
  return made;
}

static void set_head(struct explaining *e, struct explained *node, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
static void set_head(struct explaining *e, struct explained *node, const char *format, ...)
{
  char text[512];
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(text, sizeof text, format, arguments);
  va_end(arguments);
  if (node && !(node->head = arena_string(e->arena, text)))
    e->failed = true;
}

// A name as it is written, in the arena.
static const char *quoted(struct explaining *e, const char *name)
{
  name_deparse(name, &e->text);
  const char *copy = arena_copy(e->arena, e->text.data, e->text.size);
  buffer_clear(&e->text);
  e->failed |= !copy;
  return copy ? copy : "";
}

static int node_width(const struct plan *plan, const struct plan_node *node)
{
  if (node->width)
    return node->width;
  int range = node->kind == PLAN_SCAN       ? node->scan.range
              : node->kind == PLAN_VALUES   ? node->values.range
              : node->kind == PLAN_FUNCTION ? node->function.range
              : node->kind == PLAN_SYSTEM   ? node->from.range
                                            : -1;
  int width = 0;
  if (range >= 0) {
    const struct range *from = &plan->statement->ranges[range];
    for (int i = 0; i < from->column_count; i++) {
      const struct type_info *info = type_info(from->columns[i].type.id);
      width += from->columns[i].is_used ? (info->storage == STORAGE_BYTES ? 32 : info->row_size) : 0;
    }
    return width;
  }
  width = node->left ? node_width(plan, node->left) : 0;
  return width + (node->right ? node_width(plan, node->right) : 0);
}

// --- Scans -----------------------------------------------------------------------------------------------------

// "… on name alias", and both names.
static void name_range(struct explaining *e, struct explained *to, const char *before, int number, const char *label,
                       const char *name)
{
  const struct range *range = &e->plan->statement->ranges[number];
  bool has_alias = range->alias && strcmp(range->alias, name);
  set_head(e, to, "%s on %s%s%s", before, quoted(e, name), has_alias ? " " : "",
           has_alias ? quoted(e, range->alias) : "");
  head_fact(e, to, label, name);
  head_fact(e, to, "Alias", range->alias ? range->alias : name);
}

static const char *scan_index_name(const struct plan_scan *scan)
{
  if (scan->index)
    return scan->index->name;
  for (int i = 0; i < scan->relation->index_count; i++)
    if (scan->relation->indexes[i].is_primary)
      return scan->relation->indexes[i].name;
  return NULL;
}

static struct explained *explain_scan(struct explaining *e, const struct plan_node *node)
{
  const struct plan_scan *scan = &node->scan;
  bool is_bounded = scan->equal_count || scan->lower || scan->upper;
  const char *index = scan_index_name(scan);
  bool by_index = index && (is_bounded || scan->index || scan->is_ordered);
  const char *kind = !by_index ? "Seq Scan" : scan->is_index_only ? "Index Only Scan" : "Index Scan";
  struct explained *made = begin(e, node, kind);
  char before[200];
  snprintf(before, sizeof before, by_index ? "%s %susing %s" : "%s", kind, scan->is_backward ? "Backward " : "",
           by_index ? quoted(e, index) : "");
  if (by_index) {
    head_fact(e, made, "Scan Direction", scan->is_backward ? "Backward" : "Forward");
    head_fact(e, made, "Index Name", index);
  }
  name_range(e, made, before, scan->range, "Relation Name", scan->relation->name);
  const struct node *nodes[66];
  int count = 0;
  for (int i = 0; i < scan->equal_count; i++)
    nodes[count++] = scan->equals[i].node;
  if (scan->lower)
    nodes[count++] = scan->lower->node;
  if (scan->upper)
    nodes[count++] = scan->upper->node;
  conditions(e, made, "Index Cond", nodes, count);
  return made;
}

static struct explained *explain_from(struct explaining *e, const struct plan_node *node)
{
  const struct range *ranges = e->plan->statement->ranges;
  int number = node->kind == PLAN_VALUES     ? node->values.range
               : node->kind == PLAN_FUNCTION ? node->function.range
                                             : node->from.range;
  const struct range *range = &ranges[number];
  static const char *const types[] = {[PLAN_SOURCE] = "Source Scan",       [PLAN_SYSTEM] = "Seq Scan",
                                      [PLAN_FUNCTION] = "Function Scan",   [PLAN_SHARED] = "CTE Scan",
                                      [PLAN_WORKING] = "WorkTable Scan",   [PLAN_VALUES] = "Values Scan",
                                      [PLAN_SUBQUERY] = "Subquery Scan"};
  if (node->kind == PLAN_SHARED && !range->function)
    return begin(e, node, "Materialize");
  const char *type = types[node->kind];
  struct explained *made = begin(e, node, type);
  if (node->kind == PLAN_SOURCE || node->kind == PLAN_SYSTEM)
    name_range(e, made, type, number, "Relation Name",
               node->kind == PLAN_SOURCE ? range->relation->name : range->system->name);
  else if (node->kind == PLAN_FUNCTION || node->kind == PLAN_SHARED)
    name_range(e, made, type, number, node->kind == PLAN_SHARED ? "CTE Name" : "Function Name", range->function);
  else {
    const char *alias = range->alias ? range->alias : "*VALUES*";
    set_head(e, made, "%s on %s", type, quoted(e, alias));
    head_fact(e, made, "Alias", alias);
  }
  return made;
}

// --- Sorts and groups --------------------------------------------------------------------------------------------

static void append_direction(struct explaining *e, const struct sort_key *key)
{
  if (key->is_descending)
    buffer_append_string(&e->text, " DESC");
  if (key->nulls_first != key->is_descending)
    buffer_append_string(&e->text, key->nulls_first ? " NULLS FIRST" : " NULLS LAST");
}

static struct explained *explain_sort(struct explaining *e, const struct plan_node *node)
{
  struct explained *made = begin(e, node, "Sort");
  for (int i = 0; i < node->sort.order.key_count; i++) {
    const struct sort_key *key = &node->sort.order.keys[i];
    node_deparse(e->plan, node->sort.targets[key->column].expression, e->qualified, &e->text);
    append_direction(e, key);
    buffer_append_u8(&e->text, 0);
  }
  add_fact(e, made, "Sort Key", FACT_LIST, false);
  return made;
}

// The rows that come are sorted, if they are not yet: a node of its own in PostgreSQL. NULL: they need not be.
static struct explained *explain_window_sort(struct explaining *e, const struct plan_node *node)
{
  const struct plan_window *plan = &node->window;
  const struct window *window = plan->window;
  if (!plan->key_count || plan->is_sorted)
    return NULL;
  struct explained *made = begin(e, node->left, "Sort");
  if (made)
    made->width = node_width(e->plan, node->left);
  for (int i = 0; i < plan->key_count; i++) {
    int key = i - window->partition_count;
    node_deparse(e->plan, key < 0 ? window->partition[i] : window->order[key].expression, e->qualified, &e->text);
    append_direction(e, &plan->keys[i]);
    buffer_append_u8(&e->text, 0);
  }
  add_fact(e, made, "Sort Key", FACT_LIST, false);
  return made;
}

static struct explained *explain_aggregate(struct explaining *e, const struct plan_node *node)
{
  static const char *const names[] = {"Aggregate", "HashAggregate", "GroupAggregate"};
  static const char *const strategies[] = {"Plain", "Hashed", "Sorted"};
  struct explained *made = begin(e, node, "Aggregate");
  set_head(e, made, "%s", names[node->aggregate.form]);
  head_fact(e, made, "Strategy", strategies[node->aggregate.form]);
  for (int i = 0; i < node->aggregate.key_count; i++) {
    node_deparse(e->plan, node->aggregate.keys[i].node, e->qualified, &e->text);
    buffer_append_u8(&e->text, 0);
  }
  if (node->aggregate.key_count)
    add_fact(e, made, "Group Key", FACT_LIST, false);
  return made;
}

static struct explained *explain_distinct(struct explaining *e, const struct plan_node *node)
{
  struct explained *made = begin(e, node, "Aggregate");
  set_head(e, made, "HashAggregate");
  head_fact(e, made, "Strategy", "Hashed");
  for (int i = 0; i < node->distinct.column_count; i++) {
    const struct node *key = node->distinct.targets[i].expression;
    bool is_constant = key->kind == NODE_CONSTANT;
    buffer_append_string(&e->text, is_constant ? "(" : "");
    node_deparse(e->plan, key, e->qualified, &e->text);
    buffer_append_string(&e->text, is_constant ? ")" : "");
    buffer_append_u8(&e->text, 0);
  }
  add_fact(e, made, "Group Key", FACT_LIST, false);
  return made;
}

// --- Joins and sets ------------------------------------------------------------------------------------------------

static struct explained *explain_join(struct explaining *e, const struct plan_node *node)
{
  static const char *const forms[] = {
      [JOIN_FORM_INNER] = "Inner", [JOIN_FORM_LEFT] = "Left", [JOIN_FORM_FULL] = "Full"};
  bool is_lookup = node->kind == PLAN_LOOKUP, is_hash = node->kind == PLAN_HASH_JOIN,
       is_merge = node->kind == PLAN_MERGE_JOIN;
  const char *form = forms[node->join.form];
  struct explained *made =
      begin(e, node, is_lookup ? "Hash Lookup" : is_hash ? "Hash Join" : is_merge ? "Merge Join" : "Nested Loop");
  bool is_inner = node->join.form == JOIN_FORM_INNER;
  if (!is_lookup && !is_inner)
    set_head(e, made, "%s %s Join", is_hash ? "Hash" : is_merge ? "Merge" : "Nested Loop", form);
  if (!is_lookup)
    head_fact(e, made, "Join Type", form);
  if (is_hash || is_lookup)
    conditions(e, made, "Hash Cond", node->join.key_nodes, node->join.key_count);
  if (is_merge)
    conditions(e, made, "Merge Cond", node->join.key_nodes, node->join.key_count);
  condition(e, made, is_lookup ? "Filter" : "Join Filter", node->condition);
  return made;
}

// PostgreSQL appends both sides, each with a mark, before it hashes them.
static struct explained *explain_set(struct explaining *e, const struct plan_node *node)
{
  const struct plan_node *sides[] = {node->left, node->right};
  struct explained *made = begin(e, node, "SetOp");
  const char *kind = node->set.kind == SET_INTERSECT ? "Intersect" : "Except", *all = node->set.is_all ? " All" : "";
  set_head(e, made, "HashSetOp %s%s", kind, all);
  head_fact(e, made, "Strategy", "Hashed");
  buffer_format(&e->text, "%s%s", kind, all);
  add_fact(e, made, "Command", FACT_TEXT, true);
  struct explained *append = begin(e, node, "Append");
  add_below(made, append, "Outer");
  for (int i = 0; i < 2; i++) {
    struct explained *scan = begin(e, sides[i], "Subquery Scan");
    set_head(e, scan, "Subquery Scan on \"*SELECT* %d\"", i + 1);
    add_below(append, scan, "Member");
    add_below(scan, explain_node(e, sides[i], NULL), "Subquery");
  }
  return made;
}

static struct explained *explain_gate(struct explaining *e, const struct plan_node *node)
{
  struct explained *made = begin(e, node, "Result");
  condition(e, made, "One-Time Filter", node->condition);
  return made;
}

// The node alone. *tests: its conditions are still to be told.
static struct explained *explain_one(struct explaining *e, const struct plan_node *node, bool *tests)
{
  *tests = node->kind != PLAN_LOOP && node->kind != PLAN_LOOKUP && node->kind != PLAN_HASH_JOIN &&
           node->kind != PLAN_MERGE_JOIN && node->kind != PLAN_GATE;
  switch (node->kind) {
  case PLAN_SCAN: return explain_scan(e, node);
  case PLAN_SOURCE:
  case PLAN_SYSTEM:
  case PLAN_FUNCTION:
  case PLAN_VALUES:
  case PLAN_SHARED:
  case PLAN_WORKING:
  case PLAN_SUBQUERY: return explain_from(e, node);
  case PLAN_LOOP:
  case PLAN_LOOKUP:
  case PLAN_HASH_JOIN:
  case PLAN_MERGE_JOIN: return explain_join(e, node);
  case PLAN_AGGREGATE: return explain_aggregate(e, node);
  case PLAN_SORT: return explain_sort(e, node);
  case PLAN_GATE: return explain_gate(e, node);
  case PLAN_DISTINCT: return explain_distinct(e, node);
  case PLAN_SET: return explain_set(e, node);
  case PLAN_RECURSION: return begin(e, node, "Recursive Union");
  case PLAN_MATERIAL: return begin(e, node, "Materialize");
  case PLAN_COUNT: return begin(e, node, "Row Count");
  case PLAN_APPEND: return begin(e, node, "Append");
  case PLAN_EXPAND: return begin(e, node, "ProjectSet");
  case PLAN_WINDOW: return begin(e, node, "WindowAgg");
  case PLAN_CLAIM: return begin(e, node, "LockRows");
  case PLAN_UNIQUE: return begin(e, node, "Unique");
  case PLAN_LIMIT: return begin(e, node, "Limit");
  default: return begin(e, node, "Result");
  }
}

// --- The tree ----------------------------------------------------------------------------------------------------

static void explain_below(struct explaining *e, const struct plan_node *node, struct explained *made)
{
  const struct range *ranges = e->plan->statement->ranges;
  if (node->kind == PLAN_SHARED && !ranges[node->from.range].function)
    add_below(made, explain_node(e, e->plan->shared[ranges[node->from.range].number].root, NULL), "Outer");
  for (int i = 0; node->kind == PLAN_APPEND && i < node->append.arm_count; i++)
    add_below(made, explain_node(e, node->append.arms[i], NULL), "Member");
  struct explained *sort = node->kind == PLAN_WINDOW ? explain_window_sort(e, node) : NULL;
  if (sort)
    add_below(made, sort, "Outer");
  if (node->left)
    add_below(sort ? sort : made, explain_node(e, node->left, NULL),
              node->kind == PLAN_SUBQUERY ? "Subquery" : "Outer");
  if (!node->right)
    return;
  struct explained *hash = node->kind == PLAN_HASH_JOIN ? begin(e, node->right, "Hash") : NULL;
  if (hash)
    hash->width = node_width(e->plan, node->right);
  struct explained *right = explain_node(e, node->right, NULL);
  if (hash && right) {
    hash->run = right->run;
    add_below(hash, right, "Outer");
  }
  add_below(made, hash ? hash : right, "Inner");
}

static struct explained *explain_node(struct explaining *e, const struct plan_node *node, const struct node *extra)
{
  // Targets have no line of their own; conditions behind a left join stand at the join.
  if (node->kind == PLAN_PROJECT || node->kind == PLAN_FILTER)
    return explain_node(e, node->left, node->kind == PLAN_FILTER ? node->condition : NULL);
  bool tests;
  struct explained *made = explain_one(e, node, &tests);
  if (!made)
    return NULL;
  made->width = node_width(e->plan, node);
  if (e->report)
    made->run = &e->report->nodes[node->number];
  if (tests)
    condition(e, made, "Filter", node->condition);
  condition(e, made, "Filter", extra);
  if (made->run && made->run->removed) {
    buffer_format(&e->text, "%llu", (unsigned long long)(made->run->removed / made->run->loops));
    add_fact(e, made, "Rows Removed by Filter", FACT_NUMBER, false);
  }
  if (node->kind != PLAN_SET)
    explain_below(e, node, made);
  return made;
}

static struct explained *explain_modification(struct explaining *e)
{
  static const char *const names[] = {
      [STATEMENT_INSERT] = "Insert", [STATEMENT_UPDATE] = "Update", [STATEMENT_DELETE] = "Delete",
      [STATEMENT_MERGE] = "Merge"};
  const struct plan *plan = e->plan;
  const struct modification *modification = plan->modification->modification;
  const char *operation = names[plan->statement->kind], *name = modification->relation->name;
  struct explained *made = begin(e, NULL, "ModifyTable");
  set_head(e, made, "%s on %s", operation, quoted(e, name));
  head_fact(e, made, "Operation", operation);
  head_fact(e, made, "Relation Name", name);
  struct node_run *run = e->report ? ARENA_NEW(e->arena, struct node_run) : NULL;
  if (run)
    *run = (struct node_run){.loops = 1, .first_time = e->report->time, .time = e->report->time};
  if (made) {
    made->cost = plan->root ? plan->root->cost : 1;
    made->run = run;
  }
  if (modification->conflict != CONFLICT_ERROR) {
    buffer_append_string(&e->text, modification->conflict == CONFLICT_NOTHING ? "NOTHING" : "UPDATE");
    add_fact(e, made, "Conflict Resolution", FACT_TEXT, false);
    if (modification->arbiter >= 0) {
      name_deparse(modification->relation->indexes[modification->arbiter].name, &e->text);
      buffer_append_u8(&e->text, 0);
      add_fact(e, made, "Conflict Arbiter Indexes", FACT_LIST, false);
    }
    condition(e, made, "Conflict Filter", modification->conflict_where);
  }
  struct explained *rows = plan->root ? explain_node(e, plan->root, NULL) : begin(e, NULL, "Result");
  if (rows && !plan->root) { // of one row
    rows->cost = 1;
    rows->rows = 1;
  }
  add_below(made, rows, "Outer");
  return made;
}

// A change in WITH is a plan by itself.
static struct explained *explain_part(struct explaining *e, const struct plan *part)
{
  const struct plan *whole = e->plan;
  const struct run_report *report = e->report;
  e->plan = part;
  e->report = NULL;
  struct explained *made = explain_modification(e);
  e->plan = whole;
  e->report = report;
  return made;
}

static int count_sources(const struct statement *statement)
{
  int count = 0;
  for (int i = 0; i < statement->range_count; i++)
    count += statement->ranges[i].kind != RANGE_GROUP && statement->ranges[i].kind != RANGE_WINDOW &&
             statement->ranges[i].kind != RANGE_ROW;
  return count;
}

static struct explained *explain_plan(struct explaining *e)
{
  const struct plan *plan = e->plan;
  const struct statement *statement = plan->statement;
  struct explained *root = plan->modification ? explain_modification(e) : explain_node(e, plan->root, NULL);
  for (int i = 0; i < statement->shared_count; i++) {
    const struct shared_query *shared = &statement->shared[i];
    if (!shared->name)
      continue;
    struct explained *made = plan->shared[i].root ? explain_node(e, plan->shared[i].root, NULL)
                                                  : explain_part(e, plan->parts[shared->part]);
    if (made && !(made->title = arena_format(e->arena, "CTE %s", quoted(e, shared->name))))
      e->failed = true;
    add_below(root, made, "InitPlan");
  }
  for (int i = 0; i < statement->subquery_count; i++) {
    if (!plan->subqueries[i].root) // it is joined
      continue;
    struct explained *made = explain_node(e, plan->subqueries[i].root, NULL);
    if (made && !(made->title = arena_format(e->arena, "SubPlan %d", i + 1)))
      e->failed = true;
    add_below(root, made, "SubPlan");
  }
  return root;
}

// Types made by users stand by their numbers in what was deparsed: here they get their names.
static void name_types(struct explaining *e, const struct user_types *types, bool is_json)
{
  static const char mark[] = "::pg_catalog.type_";
  struct buffer named = {0};
  buffer_append_u8(&e->text, 0);
  if (e->text.failed || !types || !strstr((const char *)e->text.data, mark)) {
    e->text.size -= !e->text.failed;
    return;
  }
  const char *at = (const char *)e->text.data;
  for (const char *found; (found = strstr(at, mark)) && !named.failed;) {
    char *end;
    char name[200] = "";
    uint32_t oid = (uint32_t)strtoul(found + sizeof mark - 1, &end, 10);
    types->show(types->context, oid, name, sizeof name);
    buffer_append(&named, at, (size_t)(found + 2 - at));
    for (const char *c = name; *c; c++)
      buffer_format(&named, is_json && *c == '"' ? "\\%c" : "%c", *c);
    at = end;
  }
  buffer_append_string(&named, at);
  buffer_deinit(&e->text);
  e->text = named;
}

static int split_lines(struct explaining *e, bool is_whole, const char ***lines, int *line_count, struct error *error)
{
  int count = is_whole;
  for (size_t i = 0; i < e->text.size && !is_whole; i++)
    count += e->text.data[i] == '\n';
  *lines = ARENA_ARRAY(e->arena, const char *, count + 1);
  char *copy = arena_copy(e->arena, e->text.data, e->text.size);
  if (!*lines || !copy || e->text.failed)
    return error_memory(error);
  *line_count = count;
  for (int i = 0; i < count; i++) {
    (*lines)[i] = copy;
    copy = is_whole ? NULL : strchr(copy, '\n');
    if (copy)
      *copy++ = 0;
  }
  return 0;
}

int plan_explain(const struct plan *plan, const struct explain_options *options, const struct run_report *report,
                 const struct user_types *types, struct arena *arena, const char ***lines, int *line_count,
                 struct error *error)
{
  struct explaining e = {.plan = plan,
                         .options = options,
                         .report = report,
                         .arena = arena,
                         .qualified = count_sources(plan->statement) > 1 || options->verbose};
  struct explain_options shown = *options;
  shown.timing &= report && report->has_clock;
  struct explained *root = explain_plan(&e);
  bool is_json = options->format == EXPLAIN_JSON;
  buffer_clear(&e.text);
  int status = !root || e.failed ? error_memory(error) : 0;
  if (!status)
    (is_json ? explain_as_json : explain_as_text)(root, &shown, report, &e.text);
  name_types(&e, types, is_json);
  if (!status)
    status = split_lines(&e, is_json, lines, line_count, error);
  buffer_deinit(&e.text);
  return status;
}
