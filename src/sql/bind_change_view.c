// A view that is changed as if it were its table.
//
// 1. Level 0 is what the statement names; what the view of a level selects from is the next level; the last one is the
//    table. A statement on a table has one level.
// 2. A column of the view is the expression that it stands for, over a range of the table's rows; the views' conditions
//    stand beside the statement's own. So what is planned and run is a statement on the table.
// 3. Each level is asked for the same rights: level 0 of the statement's role, what is below a view of the view's owner
//    (or of the statement's role again, with security_invoker). To select from what is below is asked for as in SELECT,
//    if the statement reads a column of level 0 at all.
#include "sql/binder.h"
#include "sql/view_base.h"

static struct changed_level *last_level(const struct binder *binder)
{
  return &binder->levels[binder->level_count - 1];
}

static int add_level(struct binder *binder, const struct relation *relation, uint32_t role)
{
  int capacity = binder->level_count, width = relation->schema.column_count + 1;
  struct changed_level level = {.relation = relation, .role = role, .range = -1};
  level.writes = ARENA_ARRAY(binder->arena, uint8_t, width);
  level.columns = ARENA_ARRAY(binder->arena, int, width);
  // Full at each level: the array doubles, which a few views can afford.
  if (!level.writes || !level.columns ||
      !bind_grow(binder, &binder->levels, binder->level_count, &capacity, sizeof level))
    return binder->error->status ? (int)binder->error->status : error_memory(binder->error);
  binder->levels[binder->level_count++] = level;
  return 0;
}

// For each column of a view, whether the statement reads it.
static int add_reads(struct binder *binder, struct changed_level *level)
{
  const struct relation *view = level->relation;
  struct range range = {.kind = RANGE_ROW, .alias = view->name, .view = view};
  int status = bind_columns(binder, &range, view->schema.column_count);
  if (status)
    return status;
  for (int i = 0; i < range.column_count; i++)
    range.columns[i] = (struct range_column){.name = view->schema.columns[i].name, .type = view->schema.columns[i].type};
  int number = bind_range(binder, &range);
  if (number < 0)
    return number;
  binder->statement->ranges[number].role = level->role;
  level->range = number;
  return 0;
}

// What the view selects from, as its owner finds it. *relation NULL: nothing that could be changed.
static int find_base(struct binder *binder, const struct relation *view, const struct view_base *base,
                     const struct relation **relation)
{
  struct view_context context;
  PgQuery__RangeVar name = PG_QUERY__RANGE_VAR__INIT;
  name.schemaname = (char *)(uintptr_t)(base->schema ? base->schema : "");
  name.relname = (char *)(uintptr_t)base->table;
  name.location = -1;
  bind_enter_view(binder, view, &context);
  int status = bind_relation(binder, &name, NULL, RIGHT_NONE, relation);
  bind_leave_view(binder, &context);
  if (status && strcmp(binder->error->sqlstate, SQLSTATE_UNDEFINED_TABLE) == 0) {
    error_clear(binder->error);
    *relation = NULL;
    return 0;
  }
  if (!status && (*relation)->kind != RELATION_TABLE && (*relation)->kind != RELATION_VIEW)
    *relation = NULL;
  return status;
}

static int refuse_view(struct binder *binder, const struct relation *view, enum right right, const char *why)
{
  const char *verb = right == RIGHT_INSERT ? "insert into" : right == RIGHT_UPDATE ? "update" : "delete from";
  const char *doing = right == RIGHT_INSERT ? "inserting into" : right == RIGHT_UPDATE ? "updating" : "deleting from";
  const char *event = right == RIGHT_INSERT ? "INSERT" : right == RIGHT_UPDATE ? "UPDATE" : "DELETE";
  int status = bind_error(binder, -1, SQLSTATE_OBJECT_NOT_IN_PREREQUISITE_STATE, "cannot %s view \"%s\"", verb,
                          view->name);
  error_detail(binder->error, "%s", why);
  error_hint(binder->error,
             "To enable %s the view, provide an INSTEAD OF %s trigger or an unconditional ON %s DO INSTEAD rule.", doing,
             event, event);
  return status;
}

static int add_base(struct binder *binder, enum right right)
{
  struct changed_level *level = last_level(binder);
  const struct relation *view = level->relation, *relation = NULL;
  struct view_base base;
  int status = view_base_of(view, binder->arena, &base, binder->error);
  if (!status && !base.why)
    status = find_base(binder, view, &base, &relation);
  if (status)
    return status;
  if (!base.why && !relation)
    base.why = VIEW_NOT_OF_TABLE;
  if (!base.why && right != RIGHT_DELETE && !view_base_has_columns(&base, relation))
    base.why = VIEW_WITHOUT_COLUMNS;
  if (base.why)
    return refuse_view(binder, view, right, base.why);
  for (int i = 0; i < view->schema.column_count; i++)
    level->columns[i] = view_base_column(&base, relation, i);
  status = add_reads(binder, level);
  return status ? status : add_level(binder, relation, bind_view_role(binder, view));
}

int bind_levels(struct binder *binder, const struct relation *named, enum right right)
{
  binder->levels = NULL;
  binder->level_count = 0;
  int status = add_level(binder, named, binder->input->settings->role);
  while (!status && last_level(binder)->relation->kind == RELATION_VIEW) {
    if (binder->level_count > LIMIT_NESTING)
      return bind_error(binder, -1, SQLSTATE_STATEMENT_TOO_COMPLEX, "views are nested too deeply");
    status = add_base(binder, right);
  }
  return status;
}

int bind_written_column(struct binder *binder, int column, enum right right)
{
  for (int i = 0; i + 1 < binder->level_count; i++) {
    const struct changed_level *level = &binder->levels[i];
    level->writes[column] |= (uint8_t)right;
    const char *name = level->relation->schema.columns[column].name;
    column = level->columns[column];
    if (column >= 0)
      continue;
    const char *verb = binder->statement->kind == STATEMENT_INSERT ? "insert into" : "update";
    int status = bind_error(binder, -1, SQLSTATE_FEATURE_NOT_SUPPORTED, "cannot %s column \"%s\" of view \"%s\"", verb,
                            name, level->relation->name);
    error_detail(binder->error, "View columns that are not columns of their base relation are not updatable.");
    return status;
  }
  last_level(binder)->writes[column] |= (uint8_t)right;
  return column;
}

void bind_note_sought(struct binder *binder, int column)
{
  for (int i = binder->level_count - 1; i >= 0 && column >= 0; i--) {
    binder->levels[i].writes[column] |= RIGHT_SELECT;
    int above = -1;
    for (int c = 0; i > 0 && c < binder->levels[i - 1].relation->schema.column_count && above < 0; c++)
      if (binder->levels[i - 1].columns[c] == column)
        above = c;
    column = above;
  }
}

// --- Columns of a view over rows of its table -----------------------------------------------------------------------

// What the view's query calls the level below it: its columns, over the range or as that view has them.
static int bind_below(struct binder *binder, int level, int range, const struct view_base *base, struct node **conditions,
                      struct item *item)
{
  const struct changed_level *below = &binder->levels[level + 1];
  int count = below->relation->schema.column_count, status = 0;
  if (below->range >= 0) {
    status = bind_view_item(binder, level + 1, range, base->alias, conditions, item);
  } else {
    *item = (struct item){.range = -1, .column_count = count, .shows_columns = true};
    item->columns = ARENA_ARRAY(binder->arena, struct node *, count + 1);
    item->names = ARENA_ARRAY(binder->arena, const char *, count + 1);
    for (int i = 0; item->columns && i < count; i++)
      if (!(item->columns[i] = node_column(binder->arena, below->relation->schema.columns[i].type, range, i, -1)))
        return error_memory(binder->error);
  }
  if (status || !item->columns || !item->names)
    return status ? status : error_memory(binder->error);
  for (int i = 0; i < count; i++)
    item->names[i] = view_base_name(base, below->relation, i);
  item->name = base->alias;
  item->schema = base->alias == base->table ? base->schema : NULL;
  return 0;
}

// Binds the view's own columns and its condition in the scope of what is below it.
static int bind_own_columns(struct binder *binder, const PgQuery__SelectStmt *select, struct scope *scope,
                            struct item *item, struct node **condition)
{
  for (int i = 0; i < item->column_count; i++) {
    struct node *node = (size_t)i < select->n_target_list
                            ? bind_expr(binder, scope, select->target_list[i]->res_target->val)
                            : bind_fail(binder, -1, SQLSTATE_DATA_CORRUPTED, "the query of a view has lost columns");
    item->columns[i] = node ? bind_known(binder, node) : NULL;
    if (!item->columns[i])
      return binder->error->status;
  }
  *condition = NULL;
  if (!select->where_clause)
    return 0;
  *condition = bind_condition(binder, scope, select->where_clause, CLAUSE_WHERE, "WHERE");
  return *condition ? 0 : (int)binder->error->status;
}

int bind_view_item(struct binder *binder, int level, int range, const char *alias, struct node **conditions,
                   struct item *item)
{
  const struct relation *view = binder->levels[level].relation;
  struct view_base base;
  struct view_context context;
  struct scope scope = {.clause = CLAUSE_TARGET, .group_range = -1};
  struct item below;
  int status = view_base_of(view, binder->arena, &base, binder->error);
  if (!status)
    status = bind_below(binder, level, range, &base, conditions, &below);
  if (status)
    return status;
  if (!bind_grow(binder, &scope.items.items, 0, &scope.items.capacity, sizeof below))
    return binder->error->status;
  scope.items.items[scope.items.count++] = below;
  *item = (struct item){.name = alias, .range = -1, .column_count = view->schema.column_count, .shows_columns = true};
  item->reads = binder->levels[level].range + 1;
  item->columns = ARENA_ARRAY(binder->arena, struct node *, item->column_count + 1);
  item->names = ARENA_ARRAY(binder->arena, const char *, item->column_count + 1);
  if (!item->columns || !item->names)
    return error_memory(binder->error);
  for (int i = 0; i < item->column_count; i++)
    item->names[i] = view->schema.columns[i].name;
  struct parse *parse = parse_open_within(bytes_of_string(view->text), binder->arena->account, binder->error);
  if (!parse)
    return binder->error->status;
  bind_enter_view(binder, view, &context);
  status = bind_own_columns(binder, parse->statements[0].node->select_stmt, &scope, item, &conditions[level]);
  bind_leave_view(binder, &context);
  parse_close(parse);
  return status;
}

int bind_changed_item(struct binder *binder, const char *name, int range, struct node **conditions, struct item *item)
{
  binder->statement->ranges[range].role = last_level(binder)->role;
  return bind_view_item(binder, 0, range, name, conditions, item);
}

// --- Conditions -----------------------------------------------------------------------------------------------------

struct node **bind_new_conditions(struct binder *binder)
{
  struct node **conditions = ARENA_ARRAY(binder->arena, struct node *, binder->level_count + 1);
  return conditions ? conditions : bind_memory(binder);
}

int bind_add_conditions(struct binder *binder, struct node *const *conditions, struct node **where)
{
  struct node **all = ARENA_ARRAY(binder->arena, struct node *, binder->level_count + 1);
  int count = 0;
  if (!all)
    return error_memory(binder->error);
  for (int i = binder->level_count - 2; i >= 0; i--)
    if (conditions[i])
      all[count++] = conditions[i];
  if (*where)
    all[count++] = *where;
  *where = count == 0   ? NULL
           : count == 1 ? all[0]
                        : bind_node(binder, NODE_AND, type_plain(TYPE_BOOLEAN), -1, all, count);
  return count && !*where ? (int)binder->error->status : 0;
}

int bind_view_checks(struct binder *binder, struct node *const *conditions)
{
  struct modification *modification = binder->statement->modification;
  struct view_check *checks = ARENA_ARRAY(binder->arena, struct view_check, binder->level_count);
  if (!checks)
    return error_memory(binder->error);
  int count = 0, capacity = binder->level_count;
  bool is_cascaded = false;
  for (int i = 0; i + 1 < binder->level_count; i++) {
    const struct relation *view = binder->levels[i].relation;
    const char *option = relation_option(view, "check_option");
    is_cascaded |= option && strcmp(option, "cascaded") == 0;
    if ((option || is_cascaded) && conditions[i]) // what is below is checked first
      checks[capacity - ++count] = (struct view_check){.view = view->name, .condition = conditions[i]};
  }
  modification->checks = checks + (capacity - count);
  modification->check_count = count;
  return 0;
}

void bind_settle_levels(struct binder *binder)
{
  struct statement *statement = binder->statement;
  const struct modification *modification = statement->modification;
  if (binder->level_count < 2)
    return;
  const struct range *named = &statement->ranges[binder->levels[0].range];
  for (int i = 0; i < named->column_count; i++)
    if (named->columns[i].is_read)
      return;
  const int ranges[] = {modification->target_range, modification->new_range, modification->excluded_range};
  for (int l = 1; l < binder->level_count + 3; l++) {
    int range = l < binder->level_count ? binder->levels[l].range : ranges[l - binder->level_count];
    for (int i = 0; range >= 0 && i < statement->ranges[range].column_count; i++)
      statement->ranges[range].columns[i].is_read = false;
  }
}
