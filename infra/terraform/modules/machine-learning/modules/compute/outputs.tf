output "id" {
  description = "Resource id of the cluster."
  value       = azurerm_machine_learning_compute_cluster.this.id
}
