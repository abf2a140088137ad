output "control_plane_url" {
  description = "Address of the control plane inside of the network."
  value       = module.control_plane.url
}

output "control_plane_identity" {
  description = "The control plane's identity; its name is its user in PostgreSQL."
  value       = module.control_plane.identity
}

output "endpoint_urls" {
  description = "Addresses of the endpoints inside of the network."
  value       = { for name, endpoint in module.endpoint : name => endpoint.url }
}

output "squad_identities" {
  description = "The squads' identities; CI signs in with the client id of ci, and an endpoint's service trusts the object id of serving."
  value       = { for name, squad in module.squad : name => squad.identities }
}
