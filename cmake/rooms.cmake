# The rooms of the house: one static library `gantry_<room>` for each folder under src/, its tests in one program
# `<room>_test`. The edges below are the only includes allowed between rooms; tools/tidy reads the same table.
enable_testing()
option(GANTRY_FUZZ "build the fuzz targets (clang only)" OFF)

add_library(gantry_flags INTERFACE)
target_include_directories(gantry_flags INTERFACE ${CMAKE_SOURCE_DIR}/src ${CMAKE_SOURCE_DIR})
target_compile_options(
  gantry_flags
  INTERFACE -Wall
            -Wextra
            -Wpedantic
            -Werror
            -Wshadow
            -Wconversion
            -Wsign-conversion
            -Wold-style-cast
            -Wnon-virtual-dtor
            -Woverloaded-virtual
            -Wimplicit-fallthrough
            -Wswitch-enum
            -Wundef
            -ffp-contract=off
            -fno-math-errno
            -fvisibility=hidden)
target_link_libraries(gantry_flags INTERFACE Threads::Threads fmt::fmt)

# The tests' own sources are optimised less than what they test: compiling them is a good part of a build, running them is not.
# g++ at this level takes a test's own operator new and delete for a pair that does not match, and the buffer of short texts in
# std::string for overrun (its bug 105651; behind a precompiled header it no longer knows that as the library's own code).
set(gantry_test_options $<$<NOT:$<CONFIG:Debug>>:-O1>)
foreach(warning mismatched-new-delete array-bounds stringop-overflow stringop-overread restrict)
  list(APPEND gantry_test_options $<$<CXX_COMPILER_ID:GNU>:-Wno-${warning}>)
endforeach()

# What nearly every source reads is read once: two thirds of a small source's compilation are the standard library's
# headers. Sources include what they use all the same; tidy's rule `std` sees to it.
option(GANTRY_PRECOMPILED "precompile the standard library's and GoogleTest's headers" ON)
set(precompiled_std algorithm array atomic chrono cmath condition_variable cstring filesystem functional map memory mutex optional set
                    span string string_view thread unordered_map utility variant vector fmt/format.h)
list(TRANSFORM precompiled_std REPLACE "(.+)" "<\\1>")
file(CONFIGURE OUTPUT ${CMAKE_BINARY_DIR}/precompiled.cc CONTENT "")
function(gantry_precompiled_headers name)
  add_library(${name} OBJECT ${CMAKE_BINARY_DIR}/precompiled.cc)
  target_link_libraries(${name} PRIVATE gantry_flags)
  target_precompile_headers(${name} PRIVATE ${ARGN})
endfunction()
function(gantry_uses_precompiled target from)
  if(GANTRY_PRECOMPILED)
    target_precompile_headers(${target} REUSE_FROM ${from})
  endif()
endfunction()
if(GANTRY_PRECOMPILED)
  gantry_precompiled_headers(gantry_std ${precompiled_std})
  gantry_precompiled_headers(gantry_gtest ${precompiled_std} <gtest/gtest.h>)
  target_compile_options(gantry_gtest PRIVATE ${gantry_test_options})
  target_link_libraries(gantry_gtest PRIVATE GTest::gtest)
endif()

# The rest of a build's time goes into the house's own headers, and into what every source instantiates anew: so sources of a
# room are compiled several at a time. What is private to one therefore has a name of its own in the room. With 1 each is
# compiled alone, as the fuzz preset does: no source may lean on what another includes.
set(GANTRY_TOGETHER 12 CACHE STRING "sources of a room that are compiled as one")
function(gantry_together target)
  if(GANTRY_TOGETHER GREATER 1)
    set_target_properties(${target} PROPERTIES UNITY_BUILD ON UNITY_BUILD_MODE BATCH UNITY_BUILD_BATCH_SIZE ${GANTRY_TOGETHER})
    # g++ takes what a coroutine keeps, and is private to a source, for a header's matter.
    target_compile_options(${target} PRIVATE $<$<CXX_COMPILER_ID:GNU>:-Wno-subobject-linkage>)
  endif()
endfunction()

# Tests whose sources each say `layout`, `small_vocab` and the like in their own way.
set(gantry_tests_apart cli_test completion_test conformance_test http_test kv_test library_test plan_test sample_test
                       scenario_whole_answers_test tokenizer_test)

# gantry_room(NAME dep...): a library from every .cc in src/NAME, a test program from every *_test.cc there.
function(gantry_room name)
  file(GLOB_RECURSE sources CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/src/${name}/*.cc)
  set(tests ${sources})
  list(FILTER sources EXCLUDE REGEX "_test\\.cc$")
  list(FILTER sources EXCLUDE REGEX "/(main|counted_new)\\.cc$")
  list(FILTER tests INCLUDE REGEX "_test\\.cc$")
  list(TRANSFORM ARGN PREPEND gantry_ OUTPUT_VARIABLE deps)
  if(sources)
    add_library(gantry_${name} STATIC ${sources})
    target_link_libraries(gantry_${name} PUBLIC gantry_flags ${deps})
    gantry_uses_precompiled(gantry_${name} gantry_std)
    gantry_together(gantry_${name})
  else()
    add_library(gantry_${name} INTERFACE)
    target_link_libraries(gantry_${name} INTERFACE gantry_flags ${deps})
  endif()
  if(tests)
    gantry_test(${name}_test ${tests})
    target_link_libraries(${name}_test PRIVATE gantry_${name})
  endif()
endfunction()

# gantry_test(NAME source...): a GoogleTest program that ctest runs as one test. Data of ../shared is found through
# GANTRY_SHARED; a test whose data is absent skips and says so.
function(gantry_test name)
  add_executable(${name} ${ARGN})
  target_compile_options(${name} PRIVATE ${gantry_test_options})
  gantry_uses_precompiled(${name} gantry_gtest)
  if(NOT name IN_LIST gantry_tests_apart)
    gantry_together(${name})
  endif()
  target_link_libraries(${name} PRIVATE gantry_flags GTest::gtest GTest::gtest_main)
  if(CMAKE_CXX_FLAGS MATCHES "-fsanitize=thread")
    # A test's own operator new comes before the sanitizer's.
    target_link_options(${name} PRIVATE -Wl,--allow-multiple-definition)
  endif()
  target_compile_definitions(${name} PRIVATE GANTRY_SOURCE_DIR="${CMAKE_SOURCE_DIR}")
  add_test(NAME ${name} COMMAND ${name} --gtest_brief=1)
  # A program all of whose cases skip has not passed.
  set_tests_properties(${name} PROPERTIES TIMEOUT 900 SKIP_REGULAR_EXPRESSION "  PASSED  . 0 tests")
endfunction()

# gantry_tool_test(NAME TOOL argument...): TOOL is looked for when the test runs; without it, or with exit status 77, the test skips.
function(gantry_tool_test name)
  add_test(NAME ${name} COMMAND ${CMAKE_SOURCE_DIR}/tests/with.sh ${ARGN})
  set_tests_properties(${name} PROPERTIES TIMEOUT 900 SKIP_RETURN_CODE 77)
endfunction()
