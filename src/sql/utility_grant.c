// GRANT and REVOKE of rights on tables, columns, sources, sinks, sequences, schemas and the database; and owners.
//
// 1. Whoever has the owner's rights grants as the owner; others what they hold with its grant option, as who they are.
// 2. The rights of a relation are a part of its definition: they are changed as ALTER changes it.
#include <stdio.h>

#include "sql/utility_internal.h"
#include "table/namespace.h"

enum { ACL_ITEMS_MAXIMUM = 10000 }; // of one object

// What one GRANT or REVOKE does, to whatever object.
struct grant {
  const struct utility_input *input;
  const PgQuery__GrantStmt *tree;
  uint32_t rights;              // of the whole; 0: none are named
  bool all;                     // ALL PRIVILEGES
  uint32_t *column_rights;      // one a column of the relation; NULL: none
  int column_count;
  uint32_t *grantees;
  int grantee_count;
  struct error *error;
};

static int invalid(struct grant *grant, const char *sqlstate, const char *what, const char *of)
{
  return error_set(grant->error, sqlstate, "invalid privilege type %s for %s", what, of);
}

static const char *class_name(enum right_class class)
{
  switch (class) {
  case CLASS_SEQUENCE:
  case CLASS_NEW_SEQUENCE: return "sequence";
  case CLASS_SCHEMA:
  case CLASS_NEW_SCHEMA: return "schema";
  case CLASS_DATABASE: return "database";
  case CLASS_WORKFLOW: return "workflow";
  case CLASS_TABLE:
    break;
  case CLASS_NEW_TABLE: return "relation";
  }
  return "table";
}

// --- What is granted, and to whom -------------------------------------------------------------------

static int read_column_rights(struct grant *grant, const struct relation *relation, const PgQuery__AccessPriv *tree,
                              uint32_t right)
{
  if (!relation)
    return error_set(grant->error, SQLSTATE_INVALID_GRANT_OPERATION, "column privileges are only valid for relations");
  if (right & ~(uint32_t)RIGHTS_OF_COLUMN)
    return invalid(grant, SQLSTATE_INVALID_GRANT_OPERATION, right_name(right), "column");
  if (!grant->column_rights) {
    grant->column_count = relation->schema.column_count;
    grant->column_rights = ARENA_ARRAY(grant->input->arena, uint32_t, grant->column_count + 1);
    if (!grant->column_rights)
      return error_memory(grant->error);
  }
  for (size_t i = 0; i < tree->n_cols; i++) {
    const char *name = utility_string(tree->cols[i]);
    int column = relation_column(relation, name);
    if (column < 0)
      return error_set(grant->error, SQLSTATE_UNDEFINED_COLUMN, "column \"%s\" of relation \"%s\" does not exist", name,
                       relation->name);
    grant->column_rights[column] |= right;
  }
  return 0;
}

static int read_rights(struct grant *grant, enum right_class class, const struct relation *relation)
{
  const PgQuery__GrantStmt *tree = grant->tree;
  uint32_t possible = rights_of_class(class);
  // As in PostgreSQL, a sequence may be called a table, and then has a table's rights that mean something for it.
  bool as_table = class == CLASS_SEQUENCE && tree->objtype == PG_QUERY__OBJECT_TYPE__OBJECT_TABLE;
  grant->rights = 0;
  grant->all = tree->n_privileges == 0;
  grant->column_rights = NULL;
  for (size_t i = 0; i < tree->n_privileges; i++) {
    const PgQuery__AccessPriv *privilege = tree->privileges[i]->access_priv;
    bool is_all = !utility_text_given(privilege->priv_name); // ALL (columns)
    uint32_t right = is_all ? (uint32_t)RIGHTS_OF_COLUMN : right_of_name(privilege->priv_name, strlen(privilege->priv_name));
    if (!right)
      return error_set(grant->error, SQLSTATE_SYNTAX_ERROR, "unrecognized privilege type \"%s\"", privilege->priv_name);
    if (privilege->n_cols) {
      int status = read_column_rights(grant, relation, privilege, right);
      if (status)
        return status;
      continue;
    }
    if (relation && (right & ~(uint32_t)(RIGHTS_OF_TABLE | RIGHTS_OF_SEQUENCE)))
      return invalid(grant, SQLSTATE_INVALID_GRANT_OPERATION, right_name(right), "relation");
    if ((right & ~possible) && !(as_table && (right & RIGHTS_OF_TABLE)))
      return invalid(grant, SQLSTATE_INVALID_GRANT_OPERATION, right_name(right), class_name(class));
    grant->rights |= right & possible;
  }
  if (grant->all)
    grant->rights = possible;
  return 0;
}

static int read_grantees(struct grant *grant)
{
  const PgQuery__GrantStmt *tree = grant->tree;
  grant->grantees = ARENA_ARRAY(grant->input->arena, uint32_t, tree->n_grantees + 1);
  if (!grant->grantees)
    return error_memory(grant->error);
  for (size_t i = 0; i < tree->n_grantees; i++) {
    const PgQuery__RoleSpec *spec = tree->grantees[i]->role_spec;
    struct role role = {.oid = ROLE_PUBLIC};
    bool is_public = spec->roletype == PG_QUERY__ROLE_SPEC_TYPE__ROLESPEC_PUBLIC;
    int status = is_public ? 0 : role_of_spec(grant->input, spec, &role, grant->error);
    if (!status && is_public && tree->is_grant && tree->grant_option)
      status = error_set(grant->error, SQLSTATE_INVALID_GRANT_OPERATION, "grant options can only be granted to roles");
    if (status)
      return status;
    grant->grantees[grant->grantee_count++] = role.oid;
  }
  return 0;
}

// --- Items -------------------------------------------------------------------------------------------

struct item_list {
  struct acl_item *items;
  int count;
};

static struct acl_item *find_item(struct item_list *list, uint32_t grantee, uint32_t grantor, int column)
{
  for (int i = 0; i < list->count; i++)
    if (list->items[i].grantee == grantee && list->items[i].grantor == grantor && list->items[i].column == column)
      return &list->items[i];
  return NULL;
}

static void add_rights(struct item_list *list, const struct acl_item *given)
{
  struct acl_item *item = find_item(list, given->grantee, given->grantor, given->column);
  if (!item) {
    item = &list->items[list->count++];
    *item = (struct acl_item){.grantee = given->grantee, .grantor = given->grantor, .column = given->column};
  }
  item->rights |= given->rights;
  item->options |= given->options;
}

// What the role can grant on no more, it has not granted: those grants go as well, or are in the way.
static int revoke_dependent(struct grant *grant, struct item_list *list, const struct acl_item *lost, uint32_t owner)
{
  if (lost->grantee == owner || lost->grantee == ROLE_PUBLIC)
    return 0;
  for (int i = 0; i < list->count; i++) // another one may have given the option as well
    if (list->items[i].grantee == lost->grantee && list->items[i].column == lost->column &&
        (list->items[i].options & lost->options) == lost->options)
      return 0;
  for (int i = 0; i < list->count; i++) {
    struct acl_item *item = &list->items[i];
    struct acl_item next = *item;
    next.options &= lost->options;
    if (item->grantor != lost->grantee || item->column != lost->column || !(item->rights & lost->options))
      continue;
    if (grant->tree->behavior != PG_QUERY__DROP_BEHAVIOR__DROP_CASCADE) {
      int status = error_set(grant->error, SQLSTATE_DEPENDENT_OBJECTS_STILL_EXIST, "dependent privileges exist");
      error_hint(grant->error, "Use CASCADE to revoke them too.");
      return status;
    }
    item->rights &= ~lost->options;
    item->options &= ~lost->options;
    int status = next.options ? revoke_dependent(grant, list, &next, owner) : 0;
    if (status)
      return status;
  }
  return 0;
}

static int take_rights(struct grant *grant, struct item_list *list, const struct acl_item *given, uint32_t owner)
{
  struct acl_item *item = find_item(list, given->grantee, given->grantor, given->column);
  if (!item)
    return 0;
  struct acl_item lost = *item;
  lost.options &= given->rights;
  item->options &= ~given->rights;
  if (!grant->tree->grant_option)
    item->rights &= ~given->rights;
  return lost.options ? revoke_dependent(grant, list, &lost, owner) : 0;
}

// --- One object ----------------------------------------------------------------------------------------

// As whom the rights are granted: the owner, where the role has his rights; otherwise itself, or the role from which it has
// the grant option.
static uint32_t find_grantor(const struct grant *grant, const struct right_object *object, const struct item_list *list,
                             uint32_t wanted)
{
  const struct utility_input *input = grant->input;
  uint32_t role = input->settings->role, best = role;
  if (role_has(input->writer->version, role, object->owner, input->writer->mark))
    return object->owner;
  for (int i = 0; i < list->count; i++)
    if ((list->items[i].options & wanted) && role_has(input->writer->version, role, list->items[i].grantee, input->writer->mark)) {
      best = list->items[i].grantee;
      if (best == role)
        break;
    }
  return best;
}

// What of the rights it may grant on; 42501 where that is nothing, a warning where it is not all.
static int bound_rights(struct grant *grant, const struct right_object *object, const char *name, int column,
                        const struct relation *relation, uint32_t *rights)
{
  const struct utility_input *input = grant->input;
  const struct version *version = input->writer->version;
  uint32_t role = input->settings->role;
  uint32_t may = rights_grantable(version, role, object, column, input->writer->mark) & *rights;
  if (!may && !rights_held(version, role, object, column, input->writer->mark) &&
      !right_on_any_column(version, role, object, RIGHTS_OF_COLUMN, input->writer->mark))
    return relation ? relation_denied(relation, grant->error)
                    : error_set(grant->error, SQLSTATE_INSUFFICIENT_PRIVILEGE, "permission denied for %s %s",
                                class_name(object->class), name);
  bool is_partial = may != *rights && !grant->all;
  const char *code = grant->tree->is_grant ? SQLSTATE_PRIVILEGE_NOT_GRANTED : SQLSTATE_PRIVILEGE_NOT_REVOKED;
  const char *verb = grant->tree->is_grant ? "granted" : "revoked";
  if (!may)
    utility_warning(input, code, "no privileges %s %s for \"%s\"", grant->tree->is_grant ? "were" : "could be", verb, name);
  else if (is_partial)
    utility_warning(input, code, "not all privileges %s %s for \"%s\"", grant->tree->is_grant ? "were" : "could be", verb, name);
  *rights = may;
  return 0;
}

static int change_items(struct grant *grant, const struct right_object *object, struct item_list *list, int column,
                        uint32_t rights)
{
  uint32_t grantor = find_grantor(grant, object, list, rights);
  int status = 0;
  for (int i = 0; i < grant->grantee_count && !status; i++) {
    struct acl_item given = {.grantee = grant->grantees[i], .grantor = grantor, .column = column, .rights = rights};
    if (grant->tree->is_grant && grant->tree->grant_option)
      given.options = rights;
    if (grant->tree->is_grant)
      add_rights(list, &given);
    else
      status = take_rights(grant, list, &given, object->owner);
  }
  return status;
}

// Changes the rights of one object; *text becomes what it has then.
static int change_object(struct grant *grant, const struct right_object *object, const char *name,
                         const struct relation *relation, const char **text)
{
  struct item_list list;
  int column_count = relation ? relation->schema.column_count : 0;
  list.items = acl_items(object, grant->grantee_count * (1 + (grant->column_rights ? column_count : 0)), &list.count,
                         grant->input->arena);
  if (!list.items)
    return error_memory(grant->error);
  uint32_t rights = grant->rights;
  int status = rights ? bound_rights(grant, object, name, -1, relation, &rights) : 0;
  if (!status && rights)
    status = change_items(grant, object, &list, -1, rights);
  for (int i = 0; i < column_count && !status; i++) {
    // What is taken from the whole is taken from its columns.
    uint32_t of_column = grant->column_rights ? grant->column_rights[i] : 0;
    if (of_column)
      status = bound_rights(grant, object, name, i, relation, &of_column);
    if (!grant->tree->is_grant)
      of_column |= rights & RIGHTS_OF_COLUMN;
    if (!status && of_column)
      status = change_items(grant, object, &list, i, of_column);
  }
  if (!status && list.count > ACL_ITEMS_MAXIMUM)
    status = error_set(grant->error, SQLSTATE_PROGRAM_LIMIT_EXCEEDED, "\"%s\" has more than %d grants", name, ACL_ITEMS_MAXIMUM);
  if (!status && !(*text = acl_text(list.items, list.count, grant->input->arena)))
    status = error_memory(grant->error);
  return status;
}

static int grant_on_relation(struct grant *grant, const struct relation *relation)
{
  struct right_object object = right_object_of(relation);
  bool wants_sequence = grant->tree->objtype == PG_QUERY__OBJECT_TYPE__OBJECT_SEQUENCE;
  if (object.class == CLASS_WORKFLOW)
    return error_set(grant->error, SQLSTATE_WRONG_OBJECT_TYPE, "\"%s\" is a workflow: its owner's alone", relation->name);
  if (wants_sequence && object.class != CLASS_SEQUENCE)
    return error_set(grant->error, SQLSTATE_WRONG_OBJECT_TYPE, "\"%s\" is not a sequence", relation->name);
  int status = read_rights(grant, object.class, relation);
  const char *text;
  if (!status)
    status = change_object(grant, &object, relation->name, relation, &text);
  struct relation *definition = status ? NULL : catalog_copy(relation, grant->input->arena);
  if (!status && !definition)
    status = error_memory(grant->error);
  if (status)
    return status;
  definition->acl = text;
  return catalog_replace(grant->input->catalog, grant->input->writer, definition, grant->error);
}

static int grant_on_other(struct grant *grant, enum right_class class, uint32_t oid, const char *name)
{
  struct right_object object;
  if (!right_object_find(grant->input->writer->version, class, oid, grant->input->arena, &object))
    return error_memory(grant->error);
  const char *text;
  int status = read_rights(grant, class, NULL);
  if (!status)
    status = change_object(grant, &object, name, NULL, &text);
  return status ? status : rights_put(grant->input->writer, class, oid, text);
}

// --- The objects that are named ------------------------------------------------------------------------

static int grant_on_named(struct grant *grant)
{
  const PgQuery__GrantStmt *tree = grant->tree;
  const struct utility_input *input = grant->input;
  int status = 0;
  for (size_t i = 0; i < tree->n_objects && !status; i++) {
    const PgQuery__Node *node = tree->objects[i];
    if (node->node_case == PG_QUERY__NODE__NODE_RANGE_VAR) {
      const struct relation *relation;
      status = utility_find_for(input, node->range_var, NULL, RIGHT_NONE, false, &relation, grant->error);
      if (!status)
        status = grant_on_relation(grant, relation);
      continue;
    }
    const char *name = utility_string(node);
    bool is_schema = tree->objtype == PG_QUERY__OBJECT_TYPE__OBJECT_SCHEMA;
    uint32_t oid = is_schema ? catalog_schema(input->catalog, input->writer->version, name) : 5; // the one database
    if (!oid)
      return error_set(grant->error, SQLSTATE_INVALID_SCHEMA_NAME, "schema \"%s\" does not exist", name);
    status = grant_on_other(grant, is_schema ? CLASS_SCHEMA : CLASS_DATABASE, oid, name);
  }
  return status;
}

// ON ALL TABLES | SEQUENCES IN SCHEMA.
static int grant_on_all(struct grant *grant)
{
  const PgQuery__GrantStmt *tree = grant->tree;
  const struct utility_input *input = grant->input;
  bool wants_sequence = tree->objtype == PG_QUERY__OBJECT_TYPE__OBJECT_SEQUENCE;
  int status = 0;
  for (size_t i = 0; i < tree->n_objects && !status; i++) {
    const char *name = utility_string(tree->objects[i]);
    uint32_t schema = catalog_schema(input->catalog, input->writer->version, name), oid = 0;
    if (!schema)
      return error_set(grant->error, SQLSTATE_INVALID_SCHEMA_NAME, "schema \"%s\" does not exist", name);
    const struct relation *relation;
    while (!status && (relation = catalog_next(input->catalog, input->writer->version, &oid))) {
      enum right_class class = right_object_of(relation).class;
      if (relation->schema_oid == schema && relation->kind != RELATION_TYPE && class == (wants_sequence ? CLASS_SEQUENCE : CLASS_TABLE))
        status = grant_on_relation(grant, relation);
    }
  }
  return status;
}

// Everybody may use a type: USAGE is granted to no effect, by who owns it.
static int check_grant_on_types(struct grant *grant)
{
  const PgQuery__GrantStmt *tree = grant->tree;
  int status = read_grantees(grant);
  for (size_t i = 0; i < tree->n_privileges && !status; i++) {
    const char *name = tree->privileges[i]->access_priv->priv_name;
    uint32_t right = right_of_name(name, strlen(name));
    if (!right)
      return error_set(grant->error, SQLSTATE_SYNTAX_ERROR, "unrecognized privilege type \"%s\"", name);
    if (right != RIGHT_USAGE)
      return invalid(grant, SQLSTATE_INVALID_GRANT_OPERATION, right_name(right), "type");
  }
  for (size_t i = 0; i < tree->n_objects && !status; i++) {
    const PgQuery__List *names = tree->objects[i]->list;
    const struct relation *type;
    enum type_kind kind = tree->objtype == PG_QUERY__OBJECT_TYPE__OBJECT_DOMAIN ? TYPE_IS_DOMAIN : 0;
    status = type_find(grant->input, names->items, names->n_items, kind, false, &type, grant->error);
  }
  return status;
}

int rights_grant(const struct utility_input *input, const PgQuery__GrantStmt *tree, struct error *error)
{
  struct grant grant = {.input = input, .tree = tree, .error = error};
  switch (tree->objtype) {
  case PG_QUERY__OBJECT_TYPE__OBJECT_TABLE:
  case PG_QUERY__OBJECT_TYPE__OBJECT_SEQUENCE:
  case PG_QUERY__OBJECT_TYPE__OBJECT_SCHEMA:
  case PG_QUERY__OBJECT_TYPE__OBJECT_DATABASE: break;
  case PG_QUERY__OBJECT_TYPE__OBJECT_TYPE:
  case PG_QUERY__OBJECT_TYPE__OBJECT_DOMAIN: return check_grant_on_types(&grant);
  default: return utility_unsupported(input, error, -1, "rights on other things than relations and schemas are");
  }
  int status = read_grantees(&grant);
  if (status)
    return status;
  return tree->targtype == PG_QUERY__GRANT_TARGET_TYPE__ACL_TARGET_ALL_IN_SCHEMA ? grant_on_all(&grant) : grant_on_named(&grant);
}

// --- What will be there -----------------------------------------------------------------------------------

// Rights of what the role will make, in the schema or (0) anywhere.
static int grant_on_new(struct grant *grant, enum right_class class, uint32_t role, uint32_t schema)
{
  struct right_object object;
  struct item_list list;
  if (!right_object_find(grant->input->writer->version, class, role, grant->input->arena, &object))
    return error_memory(grant->error);
  bool was_there = object.acl != NULL;
  object.owner = role;
  object.acl = was_there ? object.acl : ""; // nothing is usual
  list.items = acl_items(&object, grant->grantee_count, &list.count, grant->input->arena);
  if (!list.items)
    return error_memory(grant->error);
  int status = change_items(grant, &object, &list, schema ? (int)schema : -1, grant->rights);
  const char *text = status ? NULL : acl_text(list.items, list.count, grant->input->arena);
  if (status || !text)
    return status ? status : error_memory(grant->error);
  return *text || was_there ? rights_put(grant->input->writer, class, role, *text ? text : NULL) : 0;
}

static int grant_on_all_new(struct grant *grant, enum right_class class, uint32_t role, const PgQuery__List *schemas)
{
  const struct utility_input *input = grant->input;
  int status = schemas ? 0 : grant_on_new(grant, class, role, 0);
  for (size_t i = 0; schemas && i < schemas->n_items && !status; i++) {
    const char *name = utility_string(schemas->items[i]);
    uint32_t oid = catalog_schema(input->catalog, input->writer->version, name);
    status = oid ? grant_on_new(grant, class, role, oid)
                 : error_set(grant->error, SQLSTATE_INVALID_SCHEMA_NAME, "schema \"%s\" does not exist", name);
  }
  return status;
}

static const PgQuery__List *default_option(const PgQuery__AlterDefaultPrivilegesStmt *tree, const char *name)
{
  for (size_t i = 0; i < tree->n_options; i++)
    if (strcmp(tree->options[i]->def_elem->defname, name) == 0)
      return tree->options[i]->def_elem->arg->list;
  return NULL;
}

int rights_by_default(const struct utility_input *input, const PgQuery__AlterDefaultPrivilegesStmt *tree,
                      struct error *error)
{
  struct grant grant = {.input = input, .tree = tree->action, .error = error};
  const PgQuery__List *schemas = default_option(tree, "schemas"), *roles = default_option(tree, "roles");
  enum right_class class = CLASS_NEW_TABLE;
  switch (tree->action->objtype) {
  case PG_QUERY__OBJECT_TYPE__OBJECT_TABLE: break;
  case PG_QUERY__OBJECT_TYPE__OBJECT_SEQUENCE: class = CLASS_NEW_SEQUENCE; break;
  case PG_QUERY__OBJECT_TYPE__OBJECT_SCHEMA: class = CLASS_NEW_SCHEMA; break;
  default: return read_grantees(&grant); // types are everybody's, and nobody makes functions
  }
  if (schemas && class == CLASS_NEW_SCHEMA)
    return error_set(error, SQLSTATE_INVALID_GRANT_OPERATION,
                     "cannot use IN SCHEMA clause when using GRANT/REVOKE ON SCHEMAS");
  int status = read_grantees(&grant);
  if (!status)
    status = read_rights(&grant, class, NULL);
  if (!status && !roles)
    status = grant_on_all_new(&grant, class, input->settings->role, schemas);
  for (size_t i = 0; roles && i < roles->n_items && !status; i++) {
    struct role role;
    status = role_of_spec(input, roles->items[i]->role_spec, &role, error);
    if (!status && !role_has(input->writer->version, input->settings->role, role.oid, input->writer->mark))
      status = error_set(error, SQLSTATE_INSUFFICIENT_PRIVILEGE, "must be member of role \"%s\"", role.name);
    if (!status)
      status = grant_on_all_new(&grant, class, role.oid, schemas);
  }
  return status;
}

// --- Owners -----------------------------------------------------------------------------------------------

static int may_give_to(const struct utility_input *input, const struct relation *relation, const struct role *to,
                       struct error *error)
{
  const struct version *version = input->writer->version;
  if (role_is_superuser(version, input->settings->role, input->writer->mark))
    return 0;
  if (!role_is_member(version, input->settings->role, to->oid, input->writer->mark))
    return error_set(error, SQLSTATE_INSUFFICIENT_PRIVILEGE, "must be member of role \"%s\"", to->name);
  return schema_require(input->catalog, version, to->oid, relation->schema_oid, RIGHT_CREATE, input->writer->mark, error);
}

// The new owner takes the old one's place in what was granted.
static int give(const struct utility_input *input, const struct relation *relation, uint32_t to, struct error *error)
{
  struct relation *definition = catalog_copy(relation, input->arena);
  if (!definition)
    return error_memory(error);
  uint32_t from = definition->owner;
  definition->owner = to;
  if (definition->acl) {
    struct right_object object = right_object_of(relation);
    struct item_list list = {0}, merged = {0};
    list.items = acl_items(&object, 0, &list.count, input->arena);
    merged.items = ARENA_ARRAY(input->arena, struct acl_item, list.count + 1);
    if (!list.items || !merged.items)
      return error_memory(error);
    for (int i = 0; i < list.count; i++) {
      struct acl_item item = list.items[i];
      item.grantee = item.grantee == from ? to : item.grantee;
      item.grantor = item.grantor == from ? to : item.grantor;
      add_rights(&merged, &item);
    }
    if (!(definition->acl = acl_text(merged.items, merged.count, input->arena)))
      return error_memory(error);
  }
  return catalog_replace(input->catalog, input->writer, definition, error);
}

// With the sequences that its columns own.
int relation_give(const struct utility_input *input, const struct relation *relation, const PgQuery__RoleSpec *spec,
                  struct error *error)
{
  struct role to;
  int status = role_of_spec(input, spec, &to, error);
  if (!status && relation->owner != to.oid)
    status = may_give_to(input, relation, &to, error);
  if (status || relation->owner == to.oid)
    return status;
  uint32_t oid = 0, own = relation->oid;
  status = give(input, relation, to.oid, error);
  const struct relation *other;
  while (!status && (other = catalog_next(input->catalog, input->writer->version, &oid)))
    if (other->kind == RELATION_SEQUENCE && other->sequence.owner == own && other->owner != to.oid)
      status = give(input, other, to.oid, error);
  return status;
}

int relation_change_owner(const struct utility_input *input, const PgQuery__AlterTableStmt *alter, const char *kinds,
                          struct error *error)
{
  const struct relation *relation;
  int status = utility_find(input, alter->relation, kinds, alter->missing_ok, &relation, error);
  if (status || !relation)
    return status;
  if (relation->kind == RELATION_SEQUENCE && relation->sequence.owner) {
    const struct relation *table = catalog_find_oid(input->catalog, input->writer->version, relation->sequence.owner);
    status = error_set(error, SQLSTATE_FEATURE_NOT_SUPPORTED, "cannot change owner of sequence \"%s\"", relation->name);
    error_detail(error, "Sequence \"%s\" is linked to table \"%s\".", relation->name, table ? table->name : "?");
    return status;
  }
  return relation_give(input, relation, alter->cmds[0]->alter_table_cmd->newowner, error);
}

// REASSIGN OWNED BY … TO ….
int owned_reassign(const struct utility_input *input, const PgQuery__ReassignOwnedStmt *reassign, struct error *error)
{
  struct role from, to;
  int status = role_of_spec(input, reassign->newrole, &to, error);
  for (size_t i = 0; i < reassign->n_roles && !status; i++) {
    status = role_of_spec(input, reassign->roles[i]->role_spec, &from, error);
    const struct version *version = input->writer->version;
    if (!status && !(role_has(version, input->settings->role, from.oid, input->writer->mark) &&
                     role_has(version, input->settings->role, to.oid, input->writer->mark)))
      status = error_set(error, SQLSTATE_INSUFFICIENT_PRIVILEGE, "permission denied to reassign objects");
    const struct relation *relation;
    for (uint32_t oid = 0; !status && (relation = catalog_next(input->catalog, version, &oid));)
      if (relation->owner == from.oid)
        status = give(input, relation, to.oid, error);
    const char *name;
    for (uint32_t oid = 0; !status && namespace_next(input->catalog, version, &oid, &name);)
      if (schema_owner(version, oid) == from.oid)
        status = namespace_give(input->writer, oid, to.oid);
  }
  return status;
}

int connector_require(const struct utility_input *input, const struct relation *definition, struct error *error)
{
  const char *name = relation_option(definition, "connector");
  bool is_sink = definition->kind == RELATION_SINK;
  uint32_t needed = is_sink ? ROLE_WRITE_SERVER_FILES : ROLE_READ_SERVER_FILES;
  if (!name || strcmp(name, "generator") == 0 || strcmp(name, "push") == 0 ||
      role_has(input->writer->version, input->settings->role, needed, input->writer->mark))
    return 0;
  int status = error_set(error, SQLSTATE_INSUFFICIENT_PRIVILEGE, "permission denied to use connector \"%s\"", name);
  error_hint(error, "Only roles with privileges of the \"%s\" role may do this.",
             is_sink ? "pg_write_server_files" : "pg_read_server_files");
  return status;
}

// --- What a role has of the world, for DROP ROLE and DROP OWNED -----------------------------------------------

enum { NEW_CLASSES = 3 };
static const struct {
  enum right_class class;
  const char *name;
} new_classes[NEW_CLASSES] = {
    {CLASS_NEW_TABLE, "relations"}, {CLASS_NEW_SEQUENCE, "sequences"}, {CLASS_NEW_SCHEMA, "schemas"}};

static bool names_role(const char *acl, uint32_t role)
{
  for (struct acl_item item; acl_next(&acl, &item);)
    if (item.grantee == role || item.grantor == role)
      return true;
  return false;
}

static const char *without_role(const struct utility_input *input, const struct right_object *object, uint32_t role)
{
  int count;
  struct acl_item *items = acl_items(object, 0, &count, input->arena);
  for (int i = 0; items && i < count; i++)
    if (items[i].grantee == role || items[i].grantor == role)
      items[i].rights = 0;
  return items ? acl_text(items, count, input->arena) : NULL;
}

int role_dependents(const struct utility_input *input, uint32_t role, struct buffer *lines, struct error *error)
{
  struct right_object object;
  uint32_t oid = 0;
  const char *name;
  while (namespace_next(input->catalog, input->writer->version, &oid, &name)) {
    if (!right_object_find(input->writer->version, CLASS_SCHEMA, oid, input->arena, &object))
      return error_memory(error);
    bool is_owner = object.owner == role;
    if (is_owner || names_role(object.acl, role))
      buffer_format(lines, "%s%s schema %s", lines->size ? "\n" : "", is_owner ? "owner of" : "privileges for", name);
  }
  if (!right_object_find(input->writer->version, CLASS_DATABASE, 5, input->arena, &object))
    return error_memory(error);
  if (names_role(object.acl, role))
    buffer_format(lines, "%sprivileges for the database", lines->size ? "\n" : "");
  oid = 0;
  for (const struct relation *relation; (relation = catalog_next(input->catalog, input->writer->version, &oid));) {
    bool is_owner = relation->owner == role;
    if (is_owner || names_role(relation->acl, role))
      buffer_format(lines, "%s%s %s %s", lines->size ? "\n" : "", is_owner ? "owner of" : "privileges for",
                    relation_kind_name(relation->kind), catalog_shown(input->writer, relation).text);
  }
  struct role other;
  for (oid = 0; role_next(input->writer->version, &oid, &other);)
    for (int i = 0; i < NEW_CLASSES; i++) {
      if (!right_object_find(input->writer->version, new_classes[i].class, other.oid, input->arena, &object))
        return error_memory(error);
      bool is_owner = object.acl && *object.acl && other.oid == role;
      if (is_owner || names_role(object.acl, role))
        buffer_format(lines, "%s%s default privileges on new %s belonging to role %s", lines->size ? "\n" : "",
                      is_owner ? "owner of" : "privileges for", new_classes[i].name, other.name);
    }
  return lines->failed ? error_memory(error) : 0;
}

static int forget_on_other(const struct utility_input *input, enum right_class class, uint32_t oid, uint32_t role,
                           struct error *error)
{
  struct right_object object;
  if (!right_object_find(input->writer->version, class, oid, input->arena, &object))
    return error_memory(error);
  if (!names_role(object.acl, role))
    return 0;
  const char *text = without_role(input, &object, role);
  bool is_new = class == CLASS_NEW_TABLE || class == CLASS_NEW_SEQUENCE || class == CLASS_NEW_SCHEMA;
  return text ? rights_put(input->writer, class, oid, is_new && !*text ? NULL : text) : error_memory(error);
}

// What was granted to the role on relations, or by it, goes.
static int forget_rights(const struct utility_input *input, uint32_t role, struct error *error)
{
  uint32_t oid = 0;
  int status = 0;
  const struct relation *relation;
  while (!status && (relation = catalog_next(input->catalog, input->writer->version, &oid))) {
    if (!names_role(relation->acl, role))
      continue;
    struct right_object object = right_object_of(relation);
    struct relation *definition = catalog_copy(relation, input->arena);
    if (!definition || !(definition->acl = without_role(input, &object, role)))
      return error_memory(error);
    status = catalog_replace(input->catalog, input->writer, definition, error);
  }
  const char *name;
  for (oid = 0; !status && namespace_next(input->catalog, input->writer->version, &oid, &name);)
    status = forget_on_other(input, CLASS_SCHEMA, oid, role, error);
  struct role other;
  for (oid = 0; !status && role_next(input->writer->version, &oid, &other);)
    for (int i = 0; i < NEW_CLASSES && !status; i++)
      status = forget_on_other(input, new_classes[i].class, other.oid, role, error);
  return status ? status : forget_on_other(input, CLASS_DATABASE, 5, role, error);
}

// Drops what the role owns, those first on which nothing else depends. 2BP01 where others' things depend on some.
static int drop_owned(const struct utility_input *input, uint32_t role, bool cascade, struct error *error)
{
  struct buffer dropped = {0};
  const struct relation *relation;
  int status = 0, last = 0, left;
  bool has_moved = true;
  while (has_moved && !(status && status != STATUS_INPUT)) {
    has_moved = false;
    left = 0;
    for (uint32_t oid = 0; (relation = catalog_next(input->catalog, input->writer->version, &oid));) {
      if (relation->owner != role || (relation->kind == RELATION_SEQUENCE && relation->sequence.owner))
        continue;
      status = catalog_drop(input->catalog, input->writer, relation, cascade, &dropped, error);
      has_moved |= !status;
      left += status != 0;
      last = status ? status : last;
    }
  }
  buffer_deinit(&dropped);
  status = left ? last : 0;
  const char *name;
  for (uint32_t oid = 0; !status && namespace_next(input->catalog, input->writer->version, &oid, &name);)
    if (schema_owner(input->writer->version, oid) == role)
      status = schema_drop(input, oid, name, cascade, error);
  return status;
}

int owned_drop(const struct utility_input *input, const PgQuery__DropOwnedStmt *drop, struct error *error)
{
  bool cascade = drop->behavior == PG_QUERY__DROP_BEHAVIOR__DROP_CASCADE;
  struct role role;
  int status = 0;
  for (size_t i = 0; i < drop->n_roles && !status; i++) {
    status = role_of_spec(input, drop->roles[i]->role_spec, &role, error);
    if (!status && !role_has(input->writer->version, input->settings->role, role.oid, input->writer->mark))
      status = error_set(error, SQLSTATE_INSUFFICIENT_PRIVILEGE, "permission denied to drop objects");
    if (!status)
      status = drop_owned(input, role.oid, cascade, error);
    if (!status)
      status = forget_rights(input, role.oid, error);
  }
  return status;
}
