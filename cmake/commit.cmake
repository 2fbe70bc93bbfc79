# cmake -D OUT=FILE -P commit.cmake: a header that says which commit this tree is, "+" where it has been changed since.
execute_process(COMMAND git describe --always --dirty=+ --exclude=* --abbrev=12 OUTPUT_VARIABLE commit OUTPUT_STRIP_TRAILING_WHITESPACE
                ERROR_QUIET RESULT_VARIABLE failed)
if(failed)
  set(commit "unknown")
endif()
file(CONFIGURE OUTPUT ${OUT} CONTENT "#define GANTRY_COMMIT \"${commit}\"\n")
