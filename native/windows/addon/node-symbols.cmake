# The addon calls Node's functions, and the program that has them is node.exe or has any other name: so they are bound
# when they are first called, to the program that runs (native/windows/addon/node_symbols.cpp). Compilers by Microsoft
# do the same by way of cmake-js.
function(volley_node_symbols target)
  set(headers ${CMAKE_SOURCE_DIR}/node_modules/node-api-headers/def)
  set(exports ${CMAKE_BINARY_DIR}/node.def)
  set(library ${CMAKE_BINARY_DIR}/libnode_delay.a)
  file(WRITE ${exports} "NAME NODE.EXE\nEXPORTS\n")
  foreach(part js_native_api node_api)
    file(STRINGS ${headers}/${part}.def symbols REGEX "^[a-z_0-9]+$")
    list(JOIN symbols "\n" lines)
    file(APPEND ${exports} "${lines}\n")
  endforeach()
  find_program(VOLLEY_DLLTOOL x86_64-w64-mingw32-dlltool REQUIRED)
  execute_process(COMMAND ${VOLLEY_DLLTOOL} -d ${exports} -y ${library} COMMAND_ERROR_IS_FATAL ANY)
  target_sources(${target} PRIVATE native/windows/addon/node_symbols.cpp)
  target_link_libraries(${target} PRIVATE ${library})
endfunction()
