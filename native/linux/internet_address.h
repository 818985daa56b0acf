// IPv4 addresses as the socket calls want them.
#pragma once
#include "port/socket.h"
#include <arpa/inet.h>
#include <netinet/in.h>

namespace volley {

inline sockaddr_in socketAddress(const Endpoint& endpoint) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(endpoint.port);
  address.sin_addr.s_addr = htonl(endpoint.address);
  return address;
}

// Where a bound socket is.
Endpoint localEndpoint(int descriptor);

} // namespace volley
