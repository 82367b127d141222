// COMMENT ON types, tables, views, sequences, indexes, columns, constraints, schemas, the database and roles.
#include <stdio.h>

#include "sql/system_internal.h"
#include "sql/utility_internal.h"
#include "table/comment.h"
#include "table/right.h"

// The names of a qualified one: its last part, and the relation that the parts before it mean.
struct parts {
  const char *last;
  PgQuery__RangeVar relation;
};

static bool read_parts(const PgQuery__Node *object, bool has_last, struct parts *parts)
{
  if (!object || object->node_case != PG_QUERY__NODE__NODE_LIST || object->list->n_items < (has_last ? 2 : 1))
    return false;
  size_t count = object->list->n_items;
  parts->last = has_last ? utility_string(object->list->items[--count]) : NULL;
  parts->relation = (PgQuery__RangeVar)PG_QUERY__RANGE_VAR__INIT;
  parts->relation.relname = (char *)(uintptr_t)utility_string(object->list->items[count - 1]);
  if (count > 1)
    parts->relation.schemaname = (char *)(uintptr_t)utility_string(object->list->items[count - 2]);
  parts->relation.location = -1;
  return true;
}

static const char *kinds_of(PgQuery__ObjectType type)
{
  switch (type) {
  case PG_QUERY__OBJECT_TYPE__OBJECT_TABLE: return "r";
  case PG_QUERY__OBJECT_TYPE__OBJECT_VIEW: return "v";
  case PG_QUERY__OBJECT_TYPE__OBJECT_SEQUENCE: return "S";
  case PG_QUERY__OBJECT_TYPE__OBJECT_INDEX: return "i";
  case PG_QUERY__OBJECT_TYPE__OBJECT_COLUMN: return "rvf";
  case PG_QUERY__OBJECT_TYPE__OBJECT_TABCONSTRAINT: return "rf";
  default: return NULL;
  }
}

static int find_constraint(const struct utility_input *input, const struct relation *relation, const char *name,
                           struct comment *about, struct error *error)
{
  const struct index *index = relation_index(relation, name);
  const struct foreign_key *key = relation_foreign_key(relation, name);
  about->class = COMMENT_CONSTRAINT;
  about->oid = index && index->is_constraint ? index->oid : key ? key->oid : 0;
  if (about->oid)
    return 0;
  if (relation_has_constraint(relation, name))
    return utility_unsupported(input, error, -1, "COMMENT ON a check constraint is");
  return error_set(error, SQLSTATE_UNDEFINED_OBJECT, "constraint \"%s\" for table \"%s\" does not exist", name,
                   relation->name);
}

static int find_relation(const struct utility_input *input, const PgQuery__CommentStmt *tree, const char *kinds,
                         struct comment *about, struct error *error)
{
  bool is_column = tree->objtype == PG_QUERY__OBJECT_TYPE__OBJECT_COLUMN;
  bool is_constraint = tree->objtype == PG_QUERY__OBJECT_TYPE__OBJECT_TABCONSTRAINT;
  struct parts parts;
  const struct relation *relation;
  if (!read_parts(tree->object, is_column || is_constraint, &parts))
    return utility_unsupported(input, error, -1, "this form of COMMENT is");
  int status = utility_find(input, &parts.relation, kinds, false, &relation, error);
  if (status)
    return status;
  *about = (struct comment){.class = COMMENT_RELATION, .oid = relation->oid};
  if (is_constraint)
    return find_constraint(input, relation, parts.last, about, error);
  if (kinds[0] == RELATION_INDEX)
    about->oid = relation_index(relation, parts.relation.relname)->oid;
  int column = is_column ? relation_column(relation, parts.last) : 0;
  if (column < 0)
    return error_set(error, SQLSTATE_UNDEFINED_COLUMN, "column \"%s\" of relation \"%s\" does not exist", parts.last,
                     relation->name);
  about->column = is_column ? column + 1 : 0;
  return 0;
}

static int find_type(const struct utility_input *input, const PgQuery__CommentStmt *tree, struct comment *about,
                     struct error *error)
{
  const PgQuery__TypeName *name = tree->object->type_name;
  const struct relation *type;
  bool is_domain = tree->objtype == PG_QUERY__OBJECT_TYPE__OBJECT_DOMAIN;
  int status = type_find(input, name->names, name->n_names, is_domain ? TYPE_IS_DOMAIN : 0, false, &type, error);
  *about = (struct comment){.class = COMMENT_TYPE, .oid = status ? 0 : type->oid};
  return status;
}

static int find_other(const struct utility_input *input, const PgQuery__CommentStmt *tree, struct comment *about,
                      struct error *error)
{
  const struct version *version = input->writer->version;
  const char *name = utility_string(tree->object);
  uint32_t owner = ROLE_OWNER;
  struct role role;
  if (tree->objtype == PG_QUERY__OBJECT_TYPE__OBJECT_SCHEMA) {
    *about = (struct comment){.class = COMMENT_SCHEMA, .oid = catalog_schema(input->catalog, version, name)};
    if (!about->oid)
      return error_set(error, SQLSTATE_INVALID_SCHEMA_NAME, "schema \"%s\" does not exist", name);
    owner = schema_owner(version, about->oid);
  } else if (tree->objtype == PG_QUERY__OBJECT_TYPE__OBJECT_ROLE) {
    if (!role_find_name(version, name, input->writer->mark, &role))
      return error_set(error, SQLSTATE_UNDEFINED_OBJECT, "role \"%s\" does not exist", name);
    *about = (struct comment){.class = COMMENT_ROLE, .oid = role.oid};
  } else if (tree->objtype == PG_QUERY__OBJECT_TYPE__OBJECT_DATABASE)
    *about = (struct comment){.class = COMMENT_DATABASE, .oid = OID_DATABASE};
  else
    return utility_unknown(input->parsed, error);
  if (role_has(version, input->settings->role, owner, input->writer->mark))
    return 0;
  return error_set(error, SQLSTATE_INSUFFICIENT_PRIVILEGE, "must be owner of %s %s",
                   about->class == COMMENT_SCHEMA ? "schema" : "the object", name);
}

int comment_on(const struct utility_input *input, const PgQuery__CommentStmt *tree, struct error *error)
{
  struct comment about;
  const char *kinds = kinds_of(tree->objtype);
  bool is_type = tree->object->node_case == PG_QUERY__NODE__NODE_TYPE_NAME;
  int status = is_type ? find_type(input, tree, &about, error)
               : kinds ? find_relation(input, tree, kinds, &about, error)
                       : find_other(input, tree, &about, error);
  return status ? status : comment_put(input->writer, &about, tree->comment);
}
