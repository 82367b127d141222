#include "expr/tables.h"
const struct function text_functions[] = {{0}};
